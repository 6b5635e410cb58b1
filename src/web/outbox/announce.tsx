/** One polite live region for the whole page: what changed, for who does not see it change. */
import { createContext, type ReactNode, useContext, useState } from "react";

const AnnounceContext = createContext<(words: string) => void>(() => {});

export const useAnnounce = (): ((words: string) => void) => useContext(AnnounceContext);

export function Announcer({ children }: { readonly children: ReactNode }) {
  const [words, setWords] = useState("");
  return (
    <AnnounceContext value={setWords}>
      {children}
      <p className="unseen" role="status">
        {words}
      </p>
    </AnnounceContext>
  );
}
