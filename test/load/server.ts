import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

const running = new Set<Server>();

/** Serves on loopback and answers its address. */
export const serve = async (listener: RequestListener): Promise<string> => {
  const server = createServer(listener);
  running.add(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

/** For `afterEach`. */
export const stopServers = async (): Promise<void> => {
  for (const server of running) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
  running.clear();
};
