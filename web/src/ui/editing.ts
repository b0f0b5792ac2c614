/**
 * Replaces a part of a field as if it was typed: the field's own undo takes it back, in one step.
 * The selection is then what `select` says, in places of the new value, else behind what was put
 * in.
 */
export function replace(area: HTMLTextAreaElement, from: number, to: number, text: string, select?: readonly [number, number]): void {
  area.focus();
  area.setSelectionRange(from, to);
  // What is deprecated, and the one way that undo knows in all browsers.
  const done = text ? document.execCommand('insertText', false, text) : from === to || document.execCommand('delete');
  if (!done) {
    area.setRangeText(text, from, to, 'end');
    area.dispatchEvent(new InputEvent('input', { bubbles: true }));
  }
  if (select) area.setSelectionRange(...select);
}
