import type { Plugin } from 'vite';

/**
 * Puts the links to style sheets behind the skeleton: a browser shows what stands before them while
 * they are on their way, and what stands in the head of a page holds all of it back. Scripts wait
 * for style sheets, so nothing else is seen without its style.
 */
export function earlyPaint(): Plugin {
  return {
    name: 'early-paint',
    apply: 'build',
    transformIndexHtml: {
      order: 'post',
      handler(html) {
        const links: string[] = [];
        const rest = html.replace(/\s*<link rel="stylesheet"[^>]*>/g, (link) => {
          links.push(link);
          return '';
        });
        if (!links.length || !rest.includes('<noscript>')) throw new Error('index.html has no style sheet, or no place for it');
        return rest.replace('<noscript>', `${links.join('').trim()}\n    <noscript>`);
      },
    },
  };
}
