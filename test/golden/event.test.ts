import { expect, test } from '@jest/globals';
import {
  decodeDeadLetter,
  decodeEvent,
  encodeDeadLetter,
  encodeEvent,
  type LoggedEvent,
} from '../../src/events/index.js';
import { exposure, feedback, impression, varied } from '../events/events.js';

/** Logs hold these bytes for weeks: if a test here fails, the format needs a new version and a reader of the old one. */
const base64 = (bytes: Uint8Array): string =>
  Buffer.from(bytes)
    .toString('base64')
    .replace(/.{100}/g, '$&\n');
const reads = (event: LoggedEvent): void => expect(decodeEvent(encodeEvent(event))).toMatchObject(event);

test('an impression of version 1 is these bytes', () => {
  expect(base64(encodeEvent(impression()))).toMatchInlineSnapshot(`
   "VwEBAMvUrQIAAIBcDd55QlgBAADoAAAA2AAAAKgAAABwAAAAyAAAABJyZXF1ZXN0LTEBDHVzZXItMQhkZW1vNDIwMjYwNDMwVDIz
   NTk1OVotYWIxMmNkKzE3IDAxMjM0NTY3ODlhYmNkZWYAAAAAAAEMbGF5b3V0CHdpZGUCCmNsaWNrAAAAAAAA8D8Kd2F0Y2gzMzMz
   MzPjPwIKY2xpY2sKd2F0Y2gAAgEEdjEBAQAAAAAAAOA/AAAAAAAA8D8CBwAAAAIEmpmZmZmZ2T8AAAAAAADwPwAAAAAAAAAAAD4A
   AIA+AADAPmwAAABbeyJ1c2VyX2lkIjoidXNlci0xIiwiYWdlIjozMX0seyJkZXZpY2UiOiJ0diJ9LHsiaXRlbV9pZCI6InYxIiwi
   dGFncyI6WyJhIiwyXX0seyJpdGVtX2lkIjo3LCJ0YWdzIjpbImEiLDJdfV1XTkZCAQAAACf+pCHoAAAAegAAAAQAAAACAAAAAgAA
   AAEAAAABAAAAAgAAAAMAAAADAAAABAAAAHsicmVxdWVzdHMiOjEsInJvd3MiOjIsImNvbHVtbnMiOlt7Im5hbWUiOiJhZ2UiLCJz
   aWRlIjoicmVxdWVzdCIsIndpZHRoIjoxfSx7Im5hbWUiOiJ0YWdzIiwic2lkZSI6ImNhbmRpZGF0ZSIsIndpZHRoIjowfV19AAAA
   AAAAAAAAAAAAAAAAAPhBAAAAAAAAAAABAAAAAgAAAAAAAAAAAAAAAQAAAAIAAAADAAAA"
  `);
  reads(impression());
});

test('an impression of version 1 whose order was varied is these bytes', () => {
  expect(base64(encodeEvent(varied()))).toMatchInlineSnapshot(`
   "VwEBAvjG7NIAAIBcDd55QpgBAADoAAAA2AAAAKgAAABwAAAABAAAAFgBAAAScmVxdWVzdC0xAQx1c2VyLTEIZGVtbzQyMDI2MDQz
   MFQyMzU5NTlaLWFiMTJjZCsxNyAwMTIzNDU2Nzg5YWJjZGVmAAEMbGF5b3V0CHdpZGUCCmNsaWNrAAAAAAAA8D8Kd2F0Y2gzMzMz
   MzPjPwIKY2xpY2sKd2F0Y2gAAgEEdjEBAQAAAAAAAOA/AAAAAAAA8D8CBwAAAAIEmpmZmZmZ2T8AAAAAAADwPwAAAAAAAAAAAD4A
   AIA+AADAPmwAAABbeyJ1c2VyX2lkIjoidXNlci0xIiwiYWdlIjozMX0seyJkZXZpY2UiOiJ0diJ9LHsiaXRlbV9pZCI6InYxIiwi
   dGFncyI6WyJhIiwyXX0seyJpdGVtX2lkIjo3LCJ0YWdzIjpbImEiLDJdfV0CA5qZmZmZmbk/AAAAAAAA4D+amZmZmZnJPwIBAQIB
   BHY5AQIMAAAAAgAAAAAAgD4AAEBAAAAAPgAAIEIAAAAAV05GQgEAAAAn/qQh6AAAAHoAAAAEAAAAAgAAAAIAAAABAAAAAQAAAAIA
   AAADAAAAAwAAAAQAAAB7InJlcXVlc3RzIjoxLCJyb3dzIjoyLCJjb2x1bW5zIjpbeyJuYW1lIjoiYWdlIiwic2lkZSI6InJlcXVl
   c3QiLCJ3aWR0aCI6MX0seyJuYW1lIjoidGFncyIsInNpZGUiOiJjYW5kaWRhdGUiLCJ3aWR0aCI6MH1dfQAAAAAAAAAAAAAAAAAA
   AAD4QQAAAAAAAAAAAQAAAAIAAAAAAAAAAAAAAAEAAAACAAAAAwAAAA=="
  `);
  reads(varied());
});

test('an exposure of version 1 is these bytes', () => {
  expect(base64(encodeEvent(exposure()))).toMatchInlineSnapshot(
    `"VwEHAFU+QiEAgL5cDd55QgEMdXNlci0xDGxheW91dAh3aWRlAjIAAA=="`,
  );
  reads(exposure());
});

test('a feedback of version 1 is these bytes', () => {
  expect(base64(encodeEvent(feedback()))).toMatchInlineSnapshot(
    `"VwECAMlE4eEAgLhdDd55Qg5ldmVudC0xEnJlcXVlc3QtMQEMdXNlci0xAQR2MQp3YXRjaAAAAAAAAClA"`,
  );
  reads(feedback());
});

test('an item of version 1 is these bytes', () => {
  const item = { kind: 'item', time: 1, id: 7, fields: { title: 'Größe', look: Float32Array.of(0.5, -1) } } as const;
  expect(base64(encodeEvent(item))).toMatchInlineSnapshot(`
   "VwEDAVXSfpwAAAAAAADwPwIHAAAAMwAAAFt7InRpdGxlIjoiR3LDtsOfZSIsImxvb2siOnsiZjMyIjoiQUFBQVB3QUFnTDg9In19
   XQ=="
  `);
  reads(item);
});

test('a user of version 1 is these bytes', () => {
  const user = { kind: 'user', time: 2, id: 'Zoë', fields: { age: 31, tags: ['a', 2] } } as const;
  expect(base64(encodeEvent(user))).toMatchInlineSnapshot(
    `"VwEEAP3R0ZoAAAAAAAAAQAEHWgBvAOsAGwAAAFt7ImFnZSI6MzEsInRhZ3MiOlsiYSIsMl19XQA="`,
  );
  reads(user);
});

test('a time marker of version 1 is these bytes', () => {
  expect(base64(encodeEvent({ kind: 'marker', time: 1_777_593_600_000 }))).toMatchInlineSnapshot(
    `"VwEFAMGQVYUAAIBcDd55Qg=="`,
  );
  reads({ kind: 'marker', time: 1_777_593_600_000 });
});

test('a dead letter of version 1 is these bytes', () => {
  const letter = {
    time: 3,
    reason: 'no event',
    topic: 'events',
    partition: 2,
    offset: 5,
    value: Uint8Array.of(1, 2, 3),
  };
  expect(base64(encodeDeadLetter({ ...letter, topic: 'events' }))).toMatchInlineSnapshot(
    `"VwEGAEL8Mp4AAAAAAAAIQAACAAAAAAAAAAAAFEAQbm8gZXZlbnQDAAAAAQIDAAAA"`,
  );
  expect(decodeDeadLetter(encodeDeadLetter({ ...letter, topic: 'events' }))).toEqual(letter);
});
