import { WatchnextError } from '../errors.js';
import type { Logger } from '../telemetry/index.js';
import type { Device } from './types.js';

/**
 * What models run on: `auto` probes CUDA and falls back to the CPU, with one line that says why; `cuda` throws
 * device_unavailable where it does not run. `probe` rejects if a device cannot be used.
 */
export const settleDevice = async (
  device: 'auto' | Device,
  { probe, logger }: { readonly probe: (device: Device) => Promise<unknown>; readonly logger: Logger },
): Promise<Device> => {
  if (device === 'cpu') return 'cpu';
  try {
    await probe('cuda');
    return 'cuda';
  } catch (error) {
    const reason = reasonOf(error);
    if (device === 'cuda')
      throw new WatchnextError('device_unavailable', 'CUDA was asked for and cannot be used here.', {
        problems: [
          {
            path: 'device',
            message: reason,
            hint: 'install the CUDA provider (npm run install:cuda), or use --device auto or cpu',
          },
        ],
        cause: error,
      });
    logger.info({ device: 'cpu', reason }, 'CUDA is not available here, models run on the CPU');
    return 'cpu';
  }
};

export const cannotStart = (cause: unknown): WatchnextError => {
  const reason = reasonOf(cause);
  return new WatchnextError('device_unavailable', `The scoring threads cannot start: ${reason}`, {
    problems: [
      {
        path: 'workers',
        message: reason,
        hint: 'check that the installation is whole (npm ci) and that memory suffices for this many --workers',
      },
    ],
    cause,
  });
};

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
