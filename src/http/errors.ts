import { WatchnextError } from '../errors.js';

/** What body parsing and routing throw, as errors of the catalogue; anything unforeseen is internal. */
export const toWatchnextError = (error: unknown): WatchnextError => {
  if (error instanceof WatchnextError) return error;
  const { type, status, message, limit } = (typeof error === 'object' && error !== null ? error : {}) as HttpError;
  if (type === 'entity.parse.failed')
    return new WatchnextError('request_invalid', 'The body is not valid JSON.', {
      problems: [{ path: '/', message: message ?? 'cannot be parsed', hint: hintOf(message) }],
      cause: error,
    });
  if (type === 'entity.too.large')
    return new WatchnextError('request_too_large', `The body is larger than ${limit ?? 0} bytes.`, {
      problems: [
        { path: '/', message: `at most ${limit ?? 0} bytes are allowed`, hint: 'send fewer or smaller fields' },
      ],
      cause: error,
    });
  if (type === 'encoding.unsupported' || type === 'charset.unsupported')
    return new WatchnextError('media_type_unsupported', 'The body’s encoding is not supported.', {
      problems: [{ path: '/', message: message ?? type, hint: 'send UTF-8 JSON, plain or with gzip, deflate or br' }],
      cause: error,
    });
  if (status !== undefined && status >= 400 && status < 500)
    return new WatchnextError('request_invalid', 'The request cannot be understood.', {
      problems: [{ path: '/', message: message ?? 'is malformed' }],
      cause: error,
    });
  return new WatchnextError('internal', 'Something went wrong here; the log has the details under this request id.', {
    cause: error,
  });
};

/** One object per line is a mistake in the content type, not in the body. */
const hintOf = (message = ''): string =>
  /after JSON/.test(message)
    ? 'send one JSON object or array; events of feedback, one per line, go as Content-Type: application/x-ndjson'
    : 'send one JSON object or array';

interface HttpError {
  readonly type?: string;
  readonly status?: number;
  readonly message?: string;
  readonly limit?: number;
}

/** The body of every refusal. */
export const errorReply = (error: WatchnextError, requestId: string): object => ({
  error: { code: error.code, message: error.message, retriable: error.retriable, problems: error.problems },
  requestId,
});
