/** The field of an answer with this name, whatever the server sent. */
export type Fields = Record<string, unknown>;

export const text = (v: unknown): string => (typeof v === 'string' ? v : '');
export const number = (v: unknown): number => (typeof v === 'number' ? v : 0);
export const fields = (v: unknown): Fields => (typeof v === 'object' && v !== null && !Array.isArray(v) ? (v as Fields) : {});
export const list = (v: unknown): Fields[] => (Array.isArray(v) ? v.map(fields) : []);
/** A field with a time in UTC ms, under our name, if there is one. */
export function at<K extends string>(key: K, v: unknown): { readonly [P in K]?: number } {
  return typeof v === 'number' && v > 0 ? ({ [key]: v } as { [P in K]: number }) : {};
}
