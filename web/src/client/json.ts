/** A JSON object, whatever its fields hold: what is missing or has another type reads as empty. */
export type Fields = Record<string, unknown>;

export const text = (v: unknown): string => (typeof v === 'string' ? v : '');
export const number = (v: unknown): number => (typeof v === 'number' ? v : 0);
export const object = (v: unknown): Fields => (typeof v === 'object' && v !== null && !Array.isArray(v) ? (v as Fields) : {});
export const objects = (v: unknown): Fields[] => (Array.isArray(v) ? v.map(object) : []);
/** A time as UTC ms, or as an RFC 3339 text. */
export const time = (v: unknown): number => (typeof v === 'number' ? v : Date.parse(text(v)) || 0);
/** A number above 0, such as a time in UTC ms, as the field `key`; otherwise no field. */
export function positive<K extends string>(key: K, v: unknown): { readonly [P in K]?: number } {
  return typeof v === 'number' && v > 0 ? ({ [key]: v } as { [P in K]: number }) : {};
}
