import base from './vitest.e2e.config.ts';

// The pictures of the documentation: `make screenshots`.
export default { ...base, test: { ...base.test, include: ['shots/**/*.shots.ts'] } };
