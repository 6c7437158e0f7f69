import { tf } from './tfjs.js';

/** Runs with another tfjs backend and always returns to the one in use before. */
export function withBackend<T>(name: string, run: () => T): T {
  // Asking for the backend makes tfjs choose one if it has none yet.
  tf.backend();
  const previous = tf.getBackend();
  void tf.setBackend(name);
  try {
    return run();
  } finally {
    void tf.setBackend(previous);
  }
}
