import { toggleMark, toggleLinePrefix, type TextEdit, toggleCode, insertLink } from '../text/compose.ts';

export type Format = 'bold' | 'italic' | 'struck' | 'code' | 'block' | 'bullets' | 'numbers' | 'quote' | 'link' | 'spoiler';

/** What a format makes of the selection. */
export const changes: Readonly<Record<Format, (text: string, from: number, to: number) => TextEdit>> = {
  bold: (t, a, b) => toggleMark(t, a, b, '**'),
  italic: (t, a, b) => toggleMark(t, a, b, '*'),
  struck: (t, a, b) => toggleMark(t, a, b, '~~'),
  spoiler: (t, a, b) => toggleMark(t, a, b, '||'),
  code: (t, a, b) => toggleCode(t, a, b, false),
  block: (t, a, b) => toggleCode(t, a, b, true),
  bullets: (t, a, b) => toggleLinePrefix(t, a, b, '- '),
  numbers: (t, a, b) => toggleLinePrefix(t, a, b, '1. '),
  quote: (t, a, b) => toggleLinePrefix(t, a, b, '> '),
  link: insertLink,
};

/** Whether the platform uses Cmd instead of Ctrl. */
export const mac = /Mac|iPhone|iPad/.test(navigator.platform);

/** The format of a key combination with Ctrl, or with Cmd on a Mac. */
export function formatOf(e: KeyboardEvent): Format | undefined {
  if (!(mac ? e.metaKey : e.ctrlKey) || e.altKey) return undefined;
  if (e.shiftKey) return ({ KeyX: 'struck', Digit7: 'numbers', Digit8: 'bullets', Digit9: 'quote' } as const)[e.code];
  return ({ b: 'bold', i: 'italic', e: 'code' } as const)[e.key.toLowerCase()];
}
