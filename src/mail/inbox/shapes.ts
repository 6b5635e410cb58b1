/** An email as the development inbox keeps and shows it: types only, which the page in the browser reads too. */

export interface Mailbox {
  readonly name: string;
  readonly address: string;
}

/** What a list shows of an email. */
export interface InboxSummary {
  /** UUIDv7: sorts by arrival. */
  readonly id: string;
  /** ISO 8601. */
  readonly receivedAt: string;
  /** The sender and recipients of the SMTP conversation, which may differ from those in the headers. */
  readonly envelope: { readonly from: string; readonly to: string[] };
  readonly from: Mailbox | null;
  readonly to: Mailbox[];
  readonly subject: string;
  /** The first words of the text part. */
  readonly preview: string;
  readonly messageId: string | null;
  /** The Date header as ISO 8601, or as it stands where it is not a date. */
  readonly date: string | null;
}

export interface InboxMessage extends InboxSummary {
  /** The headers in the order of the email. They are unfolded and otherwise as sent. */
  readonly headers: { readonly name: string; readonly value: string }[];
  readonly html: string | null;
  readonly text: string | null;
  /** Every http(s) link of the HTML and of the text part, once each. */
  readonly links: string[];
  /** The raw RFC 5322 email, as received. */
  readonly source: string;
}
