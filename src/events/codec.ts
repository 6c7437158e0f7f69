import { ByteWriter, unreadable } from './bytes.js';
import { beginRecord, codes, markedFields, openRecord, sealRecord, type Envelope } from './envelope.js';
import { decodeFields, encodeFields } from './fields-codec.js';
import { encodeImpression } from './impression-codec.js';
import { LoggedImpression } from './logged-impression.js';
import type { EntityUpdate, Exposure, Feedback, LoggedEvent, TimeMarker } from './types.js';

const writer = new ByteWriter();

/** An event as the log keeps it: binary, versioned, with a checksum; the same bytes for the same event. */
export function encodeEvent(event: LoggedEvent): Uint8Array {
  switch (event.kind) {
    case 'impression':
      return encodeImpression(writer, event);
    case 'feedback':
      return encodeFeedback(event);
    case 'exposure':
      return encodeExposure(event);
    case 'item':
    case 'user':
      return encodeUpdate(event);
    case 'marker':
      return encodeMarker(event);
  }
}

/**
 * The event of these bytes. Throws event_invalid, with the reason, for what is damaged, of a newer version or no event.
 * An impression is a view of the bytes, which must not change: its parts are decoded when they are asked for, and
 * `wholeImpression` copies it with all of them.
 */
export function decodeEvent(bytes: Uint8Array): LoggedEvent {
  const envelope = openRecord(bytes);
  switch (envelope.code) {
    case codes.impression:
      return new LoggedImpression(bytes, envelope);
    case codes.feedback:
      return complete(envelope, decodeFeedback(envelope));
    case codes.exposure:
      return complete(envelope, decodeExposure(envelope));
    case codes.item:
      return complete(envelope, decodeUpdate('item', envelope));
    case codes.user:
      return complete(envelope, decodeUpdate('user', envelope));
    case codes.marker:
      return complete(envelope, { kind: 'marker', time: envelope.time });
    default:
      throw unreadable(`kind ${envelope.code} is not known`);
  }
}

function encodeFeedback({ time, eventId, requestId, userId, itemId, what, value }: Feedback): Uint8Array {
  beginRecord(writer, { code: codes.feedback, time });
  writer.text(eventId);
  writer.text(requestId);
  writer.id(userId);
  writer.id(itemId);
  writer.text(what);
  if (value !== undefined) writer.f64(value);
  return sealRecord(writer);
}

/** What is left after the names says whether there is a value: eight bytes, or only the padding of less than four. */
const decodeFeedback = ({ time, reader }: Envelope): Feedback => ({
  kind: 'feedback',
  time,
  eventId: reader.text(),
  requestId: reader.text(),
  userId: reader.id(),
  itemId: reader.givenId(),
  what: reader.name(),
  value: reader.left >= 8 ? reader.f64() : undefined,
});

function encodeExposure({ time, userId, experiment, arm, phase }: Exposure): Uint8Array {
  beginRecord(writer, { code: codes.exposure, time });
  writer.id(userId);
  for (const name of [experiment, arm, phase]) writer.text(name);
  return sealRecord(writer);
}

const decodeExposure = ({ time, reader }: Envelope): Exposure => ({
  kind: 'exposure',
  time,
  userId: reader.givenId(),
  experiment: reader.name(),
  arm: reader.name(),
  phase: reader.name(),
});

function encodeUpdate({ kind, time, id, fields }: EntityUpdate): Uint8Array {
  const { json, marked } = encodeFields([fields]);
  beginRecord(writer, { code: codes[kind], flags: marked ? markedFields : 0, time });
  writer.id(id);
  writer.utf8([json]);
  return sealRecord(writer);
}

function decodeUpdate(kind: EntityUpdate['kind'], { time, flags, reader }: Envelope): EntityUpdate {
  const id = reader.givenId();
  const [fields, ...more] = decodeFields({ json: reader.utf8(), marked: (flags & markedFields) !== 0 });
  if (fields === undefined || more.length > 0) throw unreadable('it has not the fields of one entity');
  return { kind, time, id, fields };
}

function encodeMarker({ time }: TimeMarker): Uint8Array {
  beginRecord(writer, { code: codes.marker, time });
  return sealRecord(writer);
}

function complete<T>({ reader }: Envelope, event: T): T {
  if (reader.left >= 4) throw unreadable(`${reader.left} bytes are left over`);
  return event;
}
