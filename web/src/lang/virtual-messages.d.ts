declare module 'virtual:messages' {
  type Load = () => Promise<{ default: Partial<import('./messages.d.ts').Messages> }>;
  const catalogues: Record<'ar' | 'de' | 'en' | 'fr' | 'ja', Record<'first' | 'room' | 'rest' | 'server', Load>>;
  export default catalogues;
}

declare module '@messageformat/core/compile-module.js' {
  import type MessageFormat from '@messageformat/core';
  /** Makes a module of messages. */
  export default function compileModule(to: MessageFormat, messages: Readonly<Record<string, string>>): string;
}
