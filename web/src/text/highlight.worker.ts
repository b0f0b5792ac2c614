import type { HighlightResult, HighlightRequest, Token } from './highlight.ts';
import { tokens } from './highlighter.ts';

addEventListener('message', ({ data }: MessageEvent<HighlightRequest>) => {
  // Within a worker there is but one that can get it.
  const answer = (found: readonly Token[] | undefined) => postMessage({ id: data.id, tokens: found } satisfies HighlightResult, { transfer: [] });
  tokens(data.code, data.language).then(answer, () => answer(undefined));
});
