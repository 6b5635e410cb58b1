/** How the letter looks: rendered anew by a courier, with a link that opens nothing. */
import { useEffect, useRef, useState } from "react";
import { type PreparedMessage, useApi } from "./api.ts";
import { wordsOf } from "./words.ts";

type Loading = { readonly letter: PreparedMessage | null; readonly error: string | null };

export function LetterPreview({ id, part }: { readonly id: string; readonly part: "html" | "text" }) {
  const api = useApi();
  const [{ letter, error }, setLoading] = useState<Loading>({ letter: null, error: null });
  useEffect(() => {
    const stop = new AbortController();
    api.preview(id, stop.signal).then(
      (loaded) => setLoading({ letter: loaded, error: null }),
      (failure: unknown) => {
        if (!stop.signal.aborted) setLoading({ letter: null, error: wordsOf(failure) });
      },
    );
    return () => stop.abort();
  }, [api, id]);

  if (error) {
    return (
      <p className="empty error" role="alert">
        {error}
      </p>
    );
  }
  if (!letter) return <p className="empty">Rendering the letter…</p>;
  return (
    <div className="preview">
      <p className="preview-subject">
        <span className="quiet">Subject</span> <strong dir="auto">{letter.subject}</strong>
      </p>
      <p className="quiet small">Rendered just now, as it would look today. Its link opens nothing.</p>
      {part === "text" ? (
        <pre dir="auto">{letter.text}</pre>
      ) : (
        <HtmlFrame html={letter.html} title={`PreparedMessage “${letter.subject}”`} />
      )}
    </div>
  );
}

/** The frame is a page of its own because of its policy: see `web/outbox.ts`. */
function HtmlFrame({ html, title }: { readonly html: string; readonly title: string }) {
  const frame = useRef<HTMLIFrameElement>(null);
  const base = document.getElementById("root")?.dataset["base"] ?? "";
  return (
    <iframe
      ref={frame}
      className="preview-frame"
      title={title}
      src={`${base}/outbox/letter`}
      sandbox="allow-scripts"
      // Its origin is opaque, so it has no name; it shows what it gets and can tell nobody.
      onLoad={() => frame.current?.contentWindow?.postMessage(withBase(html), "*")}
    />
  );
}

/** A click on a link would replace the letter in its frame; a new tab its sandbox does not allow. */
function withBase(html: string): string {
  const head = /<head(?:\s[^>]*)?>/i.exec(html);
  const at = head ? head.index + head[0].length : 0;
  return `${html.slice(0, at)}<base target="_blank">${html.slice(at)}`;
}
