/** What changed, for who does not see it change: said politely, in a live region. */
import { createContext, type ReactNode, useContext, useMemo, useState } from "react";

interface Announcements {
  readonly words: string;
  readonly announce: (words: string) => void;
}

const AnnounceContext = createContext<Announcements>({ words: "", announce: () => {} });

export const useAnnounce = (): ((words: string) => void) => useContext(AnnounceContext).announce;

export function Announcer({ children }: { readonly children: ReactNode }) {
  const [words, announce] = useState("");
  const announcements = useMemo(() => ({ words, announce }), [words]);
  return (
    <AnnounceContext value={announcements}>
      {children}
      <LiveRegion />
    </AnnounceContext>
  );
}

/** The page has one, and so has each dialog: while that is open, nothing outside of it is read. */
export const LiveRegion = () => (
  <p className="unseen" role="status">
    {useContext(AnnounceContext).words}
  </p>
);
