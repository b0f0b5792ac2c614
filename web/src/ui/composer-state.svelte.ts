import type { Message, Outgoing } from '../client/index.ts';
import { describe } from '../lang/describe.ts';
import { m } from '../lang/language.svelte.ts';
import type { Chat } from '../state/chat.svelte.ts';
import type { RoomContext } from '../state/room-context.ts';

/** A message that is edited. */
export interface Edit {
  readonly id: string;
  readonly text: string;
  /** The edited text, if an earlier attempt to save it failed. */
  readonly next?: string;
}

/** Why a text was not sent. */
export interface Refusal {
  readonly why: string;
  /** The text that sends the input literally. */
  readonly literally?: string;
  /** Not an error: the text lists the commands. */
  readonly help?: boolean;
}

/** What a composer is about: a room, or a thread of one. */
export interface Subject {
  readonly chat: Chat;
  readonly room: string;
  /** Messages of the user that are on their way there, and those that have arrived; newest last. */
  readonly outgoing: readonly Outgoing[];
  readonly messages: readonly Message[];
}

/** What a composer writes: a new message, a reply to one, or another text of one. */
export class ComposerState {
  editing = $state.raw<Edit>();
  replying = $state.raw<Message>();
  /** Bound to the composer, while there is one. */
  field = $state.raw<{ focus(): void }>();
  readonly #context: Pick<RoomContext, 'toast'>;
  readonly #subject: () => Subject;
  readonly #send: (text: string) => Promise<Refusal | undefined>;

  /** `send` sends a text as a new message. It resolves with why it did not, and never rejects. */
  constructor(context: Pick<RoomContext, 'toast'>, subject: () => Subject, send: (text: string) => Promise<Refusal | undefined>) {
    this.#context = context;
    this.#subject = subject;
    this.#send = send;
  }

  readonly edit = ({ id, text }: Edit): void => {
    this.replying = undefined;
    this.editing = { id, text };
    this.field?.focus();
  };

  readonly reply = (message: Message): void => {
    this.editing = undefined;
    this.replying = message;
    this.field?.focus();
  };

  /** Edits the user's last message. An acknowledged one can be edited before its event arrives. */
  editLast(): void {
    const { chat, outgoing, messages } = this.#subject();
    const mine = outgoing.findLast((m) => m.state === 'sent') ?? messages.findLast((m) => m.user === chat.client.me.id && !m.deleted);
    if (mine) this.edit(mine);
  }

  /** Ends editing or replying. */
  cancel(): void {
    this.editing = this.replying = undefined;
  }

  /** Ends replying, and returns the message that is replied to. */
  takeReply(): Message | undefined {
    const { replying } = this;
    this.replying = undefined;
    return replying;
  }

  /** Sends a text, or saves it as that of the edited message. Resolves with why it was not sent. */
  async submit(text: string): Promise<Refusal | undefined> {
    const edited = this.editing;
    if (!edited) return this.#send(text);
    this.editing = undefined;
    if (text === edited.text) return undefined;
    const { chat, room } = this.#subject();
    try {
      await chat.pendingChanges.edit(room, { id: edited.id, user: chat.client.me.id }, text);
    } catch (err) {
      this.#context.toast(m.changeNotSaved({ why: describe(err) }));
      // Restores the text, unless the user edits something else meanwhile.
      this.editing ??= { ...edited, next: text };
    }
    return undefined;
  }
}
