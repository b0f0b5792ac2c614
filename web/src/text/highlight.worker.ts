import type { Answer, Request, Token } from './highlight.ts';
import { tokens } from './highlighter.ts';

addEventListener('message', ({ data }: MessageEvent<Request>) => {
  // Within a worker there is but one that can get it.
  const answer = (found: readonly Token[] | undefined) => postMessage({ id: data.id, tokens: found } satisfies Answer, { transfer: [] });
  tokens(data.code, data.language).then(answer, () => answer(undefined));
});
