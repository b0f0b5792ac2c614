type Tools = typeof import('./tools.ts');

let loaded = $state.raw<Tools>();
let loading: Promise<Tools | undefined> | undefined;

/** Loads the tools of messages; undefined: they cannot be loaded now. */
export function loadTools(): Promise<Tools | undefined> {
  return (loading ??= import('./tools.ts').then((m) => (loaded = m), () => void (loading = undefined)));
}

/** The tools of messages; undefined: they are on their way. */
export function tools(): Tools | undefined {
  if (!loaded) void loadTools();
  return loaded;
}
