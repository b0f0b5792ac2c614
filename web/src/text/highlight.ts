/** A run of code and its kind, by a class of CodeBlock; '': plain. */
export type Token = readonly [kind: string, text: string];

/** The worker's question and answer. */
export interface HighlightRequest {
  readonly id: number;
  readonly code: string;
  readonly language: string;
}
export interface HighlightResult {
  readonly id: number;
  readonly tokens: readonly Token[] | undefined;
}

/**
 * After so many milliseconds a code stays without colours: somebody may have written it to take
 * long.
 */
const patience = 10_000;
const kept = 100;

interface Waiting {
  readonly done: (tokens: readonly Token[] | undefined) => void;
  readonly timer: ReturnType<typeof setTimeout>;
}

const found = new Map<string, Promise<readonly Token[] | undefined>>();
const waiting = new Map<number, Waiting>();
let worker: Worker | undefined;
let last = 0;

/** Splits code into tokens; undefined: the language is unknown, or it took too long. */
export function highlight(code: string, language: string): Promise<readonly Token[] | undefined> {
  const key = `${language}\n${code}`;
  const known = found.get(key);
  if (known) return known;
  if (found.size >= kept) found.delete(found.keys().next().value!);
  const answer = ask(code, language);
  found.set(key, answer);
  return answer;
}

// The grammars of languages are regular expressions, which a text can keep busy for long: in a
// worker they block nothing else, and can be ended.
function ask(code: string, language: string): Promise<readonly Token[] | undefined> {
  return new Promise((done) => {
    const id = ++last;
    try {
      worker ??= start();
    } catch {
      done(undefined); // in the page of another site no worker of this one may start
      return;
    }
    waiting.set(id, { done, timer: setTimeout(giveUp, patience) });
    worker.postMessage({ id, code, language } satisfies HighlightRequest, { transfer: [] });
  });
}

function start(): Worker {
  const w = new Worker(new URL('./highlight.worker.ts', import.meta.url), { type: 'module', name: 'highlighter' });
  w.addEventListener('message', ({ data }: MessageEvent<HighlightResult>) => {
    const asked = waiting.get(data.id);
    waiting.delete(data.id);
    clearTimeout(asked?.timer);
    asked?.done(data.tokens);
  });
  w.addEventListener('error', giveUp);
  return w;
}

function giveUp() {
  worker?.terminate();
  worker = undefined;
  for (const { done, timer } of waiting.values()) {
    clearTimeout(timer);
    done(undefined);
  }
  waiting.clear();
}
