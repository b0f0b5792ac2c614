/**
 * Replaces a part of a field as if it were typed, so that the field's own undo takes it back, in
 * one step. The selection is then what `select` says, in positions of the new value, or else it is
 * after the inserted text.
 */
export function replaceText(area: HTMLTextAreaElement, from: number, to: number, text: string, select?: readonly [number, number]): void {
  area.focus();
  area.setSelectionRange(from, to);
  // It is deprecated, and the only way that undo understands in all browsers.
  const done = text ? document.execCommand('insertText', false, text) : from === to || document.execCommand('delete');
  if (!done) {
    area.setRangeText(text, from, to, 'end');
    area.dispatchEvent(new InputEvent('input', { bubbles: true }));
  }
  if (select) area.setSelectionRange(...select);
}
