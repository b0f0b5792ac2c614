import type { Block, BlockKind, Client, Invitation, MessageRequest, StartLists } from '../client/index.ts';

/** How long to wait after a failure before the lists are fetched again, ms. */
const askAgain = 15_000;

/**
 * Who asks something of the user, and whom the user blocks: kept current while there is a
 * connection.
 */
export class RequestsAndBlocks {
  requests = $state.raw<readonly MessageRequest[]>([]);
  /** There are older requests than the list has. */
  more = $state(false);
  invitations = $state.raw<readonly Invitation[]>([]);
  blocks = $state.raw<readonly Block[]>([]);
  /** By user id. */
  readonly blockKinds = $derived(new Map(this.blocks.map((b) => [b.user, b.kind])));
  readonly #client: Client;
  readonly #changed: () => void;
  readonly #off: (() => void)[];
  #retry: ReturnType<typeof setTimeout> | undefined;
  /** How often each list was asked for: of two answers that of the later question counts. */
  readonly #questions = new Map<string, number>();

  /** `changed` is called when the blocked users have changed. */
  constructor(client: Client, changed: () => void) {
    this.#client = client;
    this.#changed = changed;
    this.#off = [
      client.on('started', (lists) => (lists ? this.#told(lists) : void this.#all())),
      client.on('changed', (list) => void this.#list(list)),
    ];
  }

  close(): void {
    for (const off of this.#off) off();
    clearTimeout(this.#retry);
  }

  /** How many requests and invitations wait for an answer. */
  get waiting(): number {
    return this.requests.length + this.invitations.length;
  }

  async accept(request: MessageRequest): Promise<string> {
    const room = await this.#client.admit(await this.#client.directory.acceptRequest(request.room));
    await this.#list('requests');
    return room.id;
  }
  async refuse(request: MessageRequest): Promise<void> {
    await this.#client.directory.refuseRequest(request.room);
    await this.#list('requests');
  }
  async join(invitation: Invitation): Promise<string> {
    const room = await this.#client.admit(await this.#client.directory.acceptInvitation(invitation.room));
    await this.#list('invitations');
    return room.id;
  }
  async decline(invitation: Invitation): Promise<void> {
    await this.#client.directory.declineInvitation(invitation.room);
    await this.#list('invitations');
  }
  async block(user: string, kind: BlockKind): Promise<void> {
    await this.#client.directory.block(user, kind);
    await Promise.all([this.#list('blocks'), this.#list('requests')]);
  }
  async unblock(user: string): Promise<void> {
    await this.#client.directory.unblock(user);
    await this.#list('blocks');
  }

  #told({ requests, invitations, blocks }: StartLists): void {
    [this.requests, this.more] = [requests.list, requests.more];
    this.invitations = invitations;
    this.#block(blocks);
  }

  #block(blocks: readonly Block[]): void {
    this.blocks = blocks;
    this.#client.ignored = new Set(blocks.map((b) => b.user));
    this.#changed();
  }

  async #all(): Promise<void> {
    await Promise.all(['requests', 'invitations', 'blocks'].map((list) => this.#list(list)));
  }

  async #list(list: string): Promise<void> {
    const { directory } = this.#client;
    const question = (this.#questions.get(list) ?? 0) + 1;
    this.#questions.set(list, question);
    const counts = () => this.#questions.get(list) === question;
    try {
      if (list === 'requests') {
        const { list: requests, more } = await directory.requests();
        if (counts()) [this.requests, this.more] = [requests, more];
      } else if (list === 'invitations') {
        const invitations = await directory.invitations();
        if (counts()) this.invitations = invitations;
      } else if (list === 'blocks') {
        const blocks = await directory.blocks();
        if (counts()) this.#block(blocks);
      }
    } catch {
      clearTimeout(this.#retry);
      this.#retry = setTimeout(() => this.#client.state.kind === 'online' && void this.#all(), askAgain);
    }
  }
}
