/** What a kind of mail is to the courier: whom it goes to, what it says. Each is a file in `mailers/`. */
import type { ReactElement } from "react";
import type { Brand } from "../config.ts";
import type { SqlTransaction } from "../db/client.ts";
import type { Reason } from "../db/states.ts";
import type { KindName, Locale } from "./kinds.ts";
import type { PreparedMessage, QueuedMessage } from "./transitions/queued.ts";

/** What prepare decided about one picked message. */
export type Verdict =
  | { readonly type: "send"; readonly message: PreparedMessage }
  | { readonly type: "end"; readonly reason: Reason; readonly userId: string | null }
  /** The message stays queued. A delay below 0 gives it a place among the messages that are due. */
  | {
      readonly type: "postpone";
      readonly delaySeconds: number;
      /** The backoff it goes on with, when it takes the place of an older email. */
      readonly tries?: number;
      readonly userId?: string | null;
    };

export interface Mailer {
  readonly kind: KindName;
  readonly template: EmailTemplate;
  /** Decides about picked messages of this kind, in the claim's transaction. Idempotent. */
  prepare(tx: SqlTransaction, messages: readonly QueuedMessage[]): Promise<Map<string, Verdict>>;
  /** The words that fill the template's fields. */
  values(message: PreparedMessage): Record<string, string>;
}

export interface EmailTemplate<Field extends string = string> {
  /** It changes whenever the email changes. After an unknown outcome another version is not sent. */
  readonly version: number;
  /** The words of one message. */
  readonly fields: readonly Field[];
  subject(locale: Locale, brand: Brand): string;
  /** The email as a component. Its structure must not depend on the words: while compiling they are placeholders. */
  element(this: void, props: EmailProps<Field>): ReactElement;
  /** Sample words for the preview (`bun run emails`), as React Email's `PreviewProps`. */
  previewWords(this: void, locale: Locale): Record<Field, string>;
}

export interface EmailProps<Field extends string> {
  readonly locale: Locale;
  readonly brand: Brand;
  /** The values of the fields as they are to be read: formatted, in the email's language. */
  readonly words: Readonly<Record<Field, string>>;
}
