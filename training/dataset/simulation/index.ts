export { examination, type Device, type Expectation, type Happening } from './law.js';
export { type Person } from './people.js';
export { simulate, type SimulateOptions, type Simulation } from './simulate.js';
export { type Video } from './videos.js';
export { createWorld, type World, type WorldOptions, type WorldRequest } from './world.js';
