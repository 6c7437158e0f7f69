import { activationKernels } from './activation.js';
import { binaryKernels } from './binary.js';
import { creationKernels } from './creation.js';
import { indexingKernels } from './indexing.js';
import type { KernelTable } from './kernel.js';
import { matmulKernels } from './matmul.js';
import { reductionKernels } from './reduction.js';
import { shapeKernels } from './shape.js';
import { unaryKernels } from './unary.js';

/** Every tfjs kernel that can be compiled, by its tfjs name. */
export const kernels: KernelTable = {
  ...unaryKernels,
  ...binaryKernels,
  ...activationKernels,
  ...reductionKernels,
  ...shapeKernels,
  ...creationKernels,
  ...indexingKernels,
  ...matmulKernels,
};
