/** Decoration: the words beside an icon say the same. */

/** The mark of the outbox. */
export const OutboxMark = () => (
  <svg className="mark" viewBox="0 0 24 24" aria-hidden="true">
    <rect x="1" y="1" width="22" height="22" rx="5" />
    <path d="M6 15v3h12v-3M12 14V6m-4 4 4-4 4 4" />
  </svg>
);

/** The mark of the inbox. */
export const InboxMark = () => (
  <svg className="mark" viewBox="0 0 24 24" aria-hidden="true">
    <rect x="1" y="4" width="22" height="16" rx="3" />
    <path d="m4 8 8 6 8-6" />
  </svg>
);

/** The mark of the people page. */
export const PeopleMark = () => (
  <svg className="mark" viewBox="0 0 24 24" aria-hidden="true">
    <rect x="1" y="1" width="22" height="22" rx="5" />
    <path d="M12 12a3.2 3.2 0 1 0 0-6.4 3.2 3.2 0 0 0 0 6.4Zm-6 7a6 6 0 0 1 12 0" />
  </svg>
);

const PATHS = {
  back: "M10 3 5 8l5 5",
  alert: "M8 2 15 14H1ZM8 6.5v3.5M8 12v.1",
  pause: "M5.5 3v10M10.5 3v10",
  play: "M5 3v10l8-5Z",
  cut: "M2 5.5A9 9 0 0 1 14 5.5M4.5 8.5A5 5 0 0 1 11.5 8.5M8 12v.1M2 14 14 2",
  close: "m3.5 3.5 9 9m0-9-9 9",
  retry: "M13 8a5 5 0 1 1-1.5-3.6M13 2v3h-3",
  stop: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2Zm-4 2 8 8",
} as const;

export const Icon = ({ name }: { readonly name: keyof typeof PATHS }) => (
  <svg className="icon" viewBox="0 0 16 16" aria-hidden="true">
    <path d={PATHS[name]} />
  </svg>
);
