import type { Person } from './browser.ts';

/**
 * Targets of less than 44 px, as a finger finds them. `inText` selects links within a line of text,
 * which have its height (WCAG 2.5.5).
 */
export const small = (p: Person, inText = '.message-text a'): Promise<string[]> => p.page.evaluate((within) => {
  const faults: string[] = [];
  for (const e of document.querySelectorAll<HTMLElement>('button, a[href], input, select, textarea, [role=tab], [role=option]')) {
    if (!e.checkVisibility() || e.closest('.hidden-text, .skip, .message-text') || e.matches(`[type=radio], [type=checkbox], :disabled, ${within}`)) continue;
    if (document.querySelector('dialog[open]') && !e.closest('dialog[open]')) continue;
    const r = e.getBoundingClientRect();
    const [x, y] = [r.x + r.width / 2, r.y + r.height / 2];
    const meant = (px: number, py: number) => {
      const hit = document.elementFromPoint(px, py);
      return px < 0 || py < 0 || px >= innerWidth || py >= innerHeight || hit === e || e.contains(hit) || e.closest('label')?.contains(hit) === true;
    };
    if (!meant(x, y)) continue; // it is scrolled away
    const across = r.width >= 44 || (meant(x - 21, y) && meant(x + 21, y));
    const down = r.height >= 44 || (meant(x, y - 21) && meant(x, y + 21));
    if (!across || !down) faults.push(`${e.getAttribute('aria-label') ?? e.textContent!.trim().slice(0, 30)} (${e.className}): ${Math.round(r.width)} × ${Math.round(r.height)}`);
  }
  return faults;
}, inText);
