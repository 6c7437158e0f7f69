import { WatchnextError } from '../errors.js';

/** What routing throws, as errors of the catalogue; anything unforeseen is internal. */
export const toWatchnextError = (error: unknown): WatchnextError => {
  if (error instanceof WatchnextError) return error;
  const { status, message } = (typeof error === 'object' && error !== null ? error : {}) as HttpError;
  if (status !== undefined && status >= 400 && status < 500)
    return new WatchnextError('request_invalid', 'The request cannot be understood.', {
      problems: [{ path: '/', message: message ?? 'is malformed' }],
      cause: error,
    });
  return new WatchnextError('internal', 'Something went wrong here; the log has the details under this request id.', {
    cause: error,
  });
};

interface HttpError {
  readonly status?: number;
  readonly message?: string;
}

/** The body of every refusal. */
export const errorReply = (error: WatchnextError, requestId: string): object => ({
  error: { code: error.code, message: error.message, retriable: error.retriable, problems: error.problems },
  requestId,
});
