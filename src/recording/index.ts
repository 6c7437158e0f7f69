export { openRecorder, type RecordedEvent, type Recorder, type RecorderOptions } from './recorder.js';
