/**
 * Whether a key belongs to an input method, which makes a character of several keys: Enter then
 * only ends the conversion. Safari ends the composition before it reports the key that ended it,
 * and gives that key 229 (UI Events, section 7.3.1).
 */
export const isComposing = (e: KeyboardEvent): boolean => e.isComposing || e.keyCode === 229;
