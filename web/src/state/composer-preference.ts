/** How this browser's user likes to write. */
export interface ComposerPreference {
  /** The keys that send: Enter, or Ctrl+Enter, with which Enter alone starts a new line. */
  readonly send: 'enter' | 'ctrl';
  readonly toolbar: boolean;
  readonly preview: boolean;
}

const key = 'hubbub.composing';

export function loadComposerPreference(): ComposerPreference {
  let v: Partial<Record<keyof ComposerPreference, unknown>> = {};
  try {
    v = (JSON.parse(localStorage.getItem(key) ?? '{}') ?? {}) as typeof v;
  } catch {
    // Storage is off, or its value is not ours.
  }
  return { send: v.send === 'ctrl' ? 'ctrl' : 'enter', toolbar: v.toolbar === true, preview: v.preview !== false };
}

export function saveComposerPreference(choice: ComposerPreference): void {
  try {
    localStorage.setItem(key, JSON.stringify(choice));
  } catch {
    // Storage is off or full: it lasts as long as the page.
  }
}
