import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from '@jest/globals';
import express from 'express';
import { createMessageClasses } from '../../src/http/index.js';
import { adoptMessages } from '../../src/http/messages.js';

type Prototypes = readonly [request: unknown, response: unknown];
const prototypesOf = (request: IncomingMessage, response: ServerResponse): Prototypes => [
  Object.getPrototypeOf(request),
  Object.getPrototypeOf(response),
];

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** The prototypes of a request and its answer when they come from the server and after the application had them. */
const served = async (options: object, app: RequestListener): Promise<{ came: Prototypes; left: Prototypes }> => {
  const seen: { came?: Prototypes; left?: Prototypes } = {};
  const server = createServer(options, (request, response) => {
    seen.came = prototypesOf(request, response);
    app(request, response);
    seen.left = prototypesOf(request, response);
  });
  closing.push(() => server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/hello?to=you`);
  expect(await answer.json()).toEqual({ path: '/hello', isHere: true });
  return { came: seen.came!, left: seen.left! };
};

const application = () => {
  const app = express();
  app.get('/hello', (request, response) => response.json({ path: request.path, isHere: request.app === app }));
  return app;
};

test('Express gives the messages of a server another prototype', async () => {
  const { came, left } = await served({}, application());
  expect(left[0]).not.toBe(came[0]);
  expect(left[1]).not.toBe(came[1]);
});

test('messages of a server that is told the application’s classes keep theirs, and have all that Express adds', async () => {
  const app = application();
  const classes = createMessageClasses();
  adoptMessages(app, classes);
  const { came, left } = await served(classes, app);
  expect(left[0]).toBe(came[0]);
  expect(left[1]).toBe(came[1]);
});

test('two applications do not share their classes', async () => {
  for (const app of [application(), application()]) {
    const classes = createMessageClasses();
    adoptMessages(app, classes);
    await served(classes, app);
  }
});
