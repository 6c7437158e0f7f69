import { openRedisStore } from '../../src/features/index.js';
import { createMetrics, silentLogger } from '../../src/telemetry/index.js';

/** A process of its own, because whom TLS trusts is decided when one starts: writes, reads, prints what it read or why not. */
const url = process.argv[2] ?? '';
const store = await openRedisStore({ url, timeoutMs: 1000, metrics: createMetrics(), logger: silentLogger });
try {
  await store.apply([{ key: 'a', value: new TextEncoder().encode('over TLS') }]);
  const [value] = await store.read(['a']);
  process.stdout.write(new TextDecoder().decode(value));
} catch (error) {
  process.stdout.write(JSON.stringify(error));
}
await store.close();
