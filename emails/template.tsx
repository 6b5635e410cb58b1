/** What all templates share: the layout around the body, and the body of those that lead to a link. */
import type { ReactNode } from "react";
import type { Brand } from "../src/config.ts";
import type { Locale } from "../src/mail/kinds.ts";
import type { EmailProps, EmailTemplate } from "../src/mail/mailer.ts";
import { Action, Facts, Greeting, Layout, Paragraph } from "./layout.tsx";

interface Copy<Words> {
  readonly subject: (brand: Brand) => string;
  readonly preview: (words: Words) => string;
  readonly heading: string | ((brand: Brand) => string);
}

interface Parts<Field extends string, C> extends Pick<EmailTemplate<Field>, "version" | "fields" | "previewWords"> {
  /** The texts in each language. */
  readonly copy: Readonly<Record<Locale, C>>;
  /** What stands in the layout. @param copy that of the email's language. */
  readonly body: (copy: C, props: EmailProps<Field>) => ReactNode;
}

export const createTemplate = <Field extends string, C extends Copy<Readonly<Record<Field, string>>>>({
  copy,
  body,
  ...parts
}: Parts<Field, C>): EmailTemplate<Field> => ({
  ...parts,
  subject: (locale, brand) => copy[locale].subject(brand),
  element(props) {
    const { locale, brand, words } = props;
    const own = copy[locale];
    const heading = typeof own.heading === "string" ? own.heading : own.heading(brand);
    return (
      <Layout locale={locale} brand={brand} preview={own.preview(words)} heading={heading}>
        {body(own, props)}
      </Layout>
    );
  },
});

interface LinkCopy<Words> {
  /** For a recipient whose name is not known. */
  readonly greeting?: string;
  readonly lead: (brand: Brand, words: Words) => ReactNode;
  readonly action: string;
  readonly lifetime: (words: Words) => string;
  readonly facts?: (words: Words) => string;
  readonly notYou: string;
}

/** The body of an email that leads to a link: why it was sent, the link, how long it works, and what else to know. */
export const linkBody = <Words extends { readonly link: string; readonly name?: string }>(
  copy: LinkCopy<Words>,
  { locale, brand, words }: { readonly locale: Locale; readonly brand: Brand; readonly words: Words },
): ReactNode => (
  <>
    {words.name === undefined ? <Paragraph>{copy.greeting}</Paragraph> : <Greeting locale={locale} name={words.name} />}
    <Paragraph>{copy.lead(brand, words)}</Paragraph>
    <Action locale={locale} brand={brand} href={words.link} label={copy.action} />
    <Paragraph>{copy.lifetime(words)}</Paragraph>
    {copy.facts && <Facts>{copy.facts(words)}</Facts>}
    <Paragraph>{copy.notYou}</Paragraph>
  </>
);
