/**
 * ONNX Runtime’s library collects events for its maker, to be uploaded, under an id of the device that it keeps in the home
 * folder, unless the environment of the process says otherwise before it first runs. A thread has an environment of its own,
 * which the library does not see: programs import this first. Whoever wants it sets the variable to 0.
 */
process.env['ORT_DISABLE_TELEMETRY'] ??= '1';
