export { openAccess, RateLimited, type Access, type AccessOptions, type Admitted } from './access.js';
export { createBucket } from './bucket.js';
export { checkJsonShape, jsonLimits } from './json-shape.js';
export { createKey, hashOf, type CreatedKey } from './key.js';
export { addKey, parseKeys, readKeys, removeKey } from './keys-file.js';
export { openTls, type Tls } from './tls.js';
export { roles, type KeyEntry, type Need, type Role } from './types.js';
