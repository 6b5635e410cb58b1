/** What the pages that confirm or freeze say, in the languages of the emails. Markup where it ends in `Html`. */
import type { Locale, Purpose } from "../../mail/kinds.ts";

export type LinkPurpose = Extract<Purpose, "email_verification" | "email_change" | "account_freeze">;

/** What the words are about. All of it is markup. */
export interface LinkSubject {
  readonly username: string;
  /** The address that the link was sent to. */
  readonly address: string;
  readonly brand: string;
}

interface LinkWords {
  readonly title: string;
  readonly leadHtml: (subject: LinkSubject) => string;
  readonly submit: string;
  readonly aside: string;
  readonly done: { readonly title: string; readonly leadHtml: (subject: LinkSubject) => string };
  /** Shown when the link is opened again after it has done its work. */
  readonly already: { readonly title: string; readonly leadHtml: (subject: LinkSubject) => string };
}

export interface SorryWords {
  readonly title: string;
  readonly lead: string;
}

type Words = Readonly<Record<LinkPurpose, LinkWords> & Record<"dead" | "taken" | "lastSuperuser", SorryWords>>;

export const WORDS: Readonly<Record<Locale, Words>> = {
  en: {
    email_verification: {
      title: "Confirm your email address",
      leadHtml: ({ username, address, brand }) =>
        `Is <strong>${address}</strong> your email address? It was given for the ${brand} account <strong>${username}</strong>.`,
      submit: "Confirm this address",
      aside: "If you didn't ask for this, close this page. Nothing will change.",
      done: {
        title: "Your email address is confirmed",
        leadHtml: ({ username }) => `Emails for the account <strong>${username}</strong> come to this address.`,
      },
      already: {
        title: "Your email address is already confirmed",
        leadHtml: ({ username, address }) =>
          `<strong>${address}</strong> is confirmed for the account <strong>${username}</strong>.`,
      },
    },
    email_change: {
      title: "Use this email address?",
      leadHtml: ({ username, address, brand }) =>
        `The ${brand} account <strong>${username}</strong> will use <strong>${address}</strong> from now on. You will be logged out on all devices.`,
      submit: "Use this address",
      aside: "If you didn't ask for this, close this page. Nothing will change.",
      done: {
        title: "Your email address has been changed",
        leadHtml: ({ username, address }) =>
          `Emails for <strong>${username}</strong> now go to <strong>${address}</strong>. You have been logged out on all devices.`,
      },
      already: {
        title: "Your email address has already been changed",
        leadHtml: ({ username, address }) =>
          `Emails for <strong>${username}</strong> go to <strong>${address}</strong>.`,
      },
    },
    account_freeze: {
      title: "Freeze your account?",
      leadHtml: ({ username, brand }) =>
        `Someone who knows the password of the ${brand} account <strong>${username}</strong> asked to change its email address. If it wasn't you, freeze the account: you are logged out on all devices, and the account stays closed until we know whose it is.`,
      submit: "Freeze the account",
      aside: "If it was you, close this page. Nothing will change.",
      done: {
        title: "The account is frozen",
        leadHtml: ({ username }) =>
          `All sessions of <strong>${username}</strong> have ended, and its password no longer works.`,
      },
      already: {
        title: "The account is already frozen",
        leadHtml: ({ username }) =>
          `All sessions of <strong>${username}</strong> have ended, and its password no longer works.`,
      },
    },
    dead: {
      title: "This link no longer works",
      lead: "It has expired, was replaced by a newer one or is incomplete. If you got a newer email from us, use the link in it.",
    },
    taken: {
      title: "This email address is taken",
      lead: "It belongs to another account now, so nothing was changed. Log in to that account, or choose another address.",
    },
    lastSuperuser: {
      title: "This account cannot be frozen",
      lead: "It is the only account that can manage all others, so nothing was changed. This link stays valid.",
    },
  },
  "pt-BR": {
    email_verification: {
      title: "Confirme seu e-mail",
      leadHtml: ({ username, address, brand }) =>
        `<strong>${address}</strong> é o seu e-mail? Ele foi informado na conta ${brand} <strong>${username}</strong>.`,
      submit: "Confirmar este e-mail",
      aside: "Se você não pediu isso, feche esta página. Nada vai mudar.",
      done: {
        title: "Seu e-mail está confirmado",
        leadHtml: ({ username }) => `Os e-mails da conta <strong>${username}</strong> chegam a este endereço.`,
      },
      already: {
        title: "Seu e-mail já está confirmado",
        leadHtml: ({ username, address }) =>
          `<strong>${address}</strong> está confirmado para a conta <strong>${username}</strong>.`,
      },
    },
    email_change: {
      title: "Usar este e-mail?",
      leadHtml: ({ username, address, brand }) =>
        `A conta ${brand} <strong>${username}</strong> vai usar <strong>${address}</strong> de agora em diante. Suas sessões serão encerradas em todos os dispositivos.`,
      submit: "Usar este e-mail",
      aside: "Se você não pediu isso, feche esta página. Nada vai mudar.",
      done: {
        title: "Seu e-mail foi alterado",
        leadHtml: ({ username, address }) =>
          `Os e-mails para <strong>${username}</strong> agora vão para <strong>${address}</strong>. Suas sessões foram encerradas em todos os dispositivos.`,
      },
      already: {
        title: "Seu e-mail já foi alterado",
        leadHtml: ({ username, address }) =>
          `Os e-mails para <strong>${username}</strong> vão para <strong>${address}</strong>.`,
      },
    },
    account_freeze: {
      title: "Congelar sua conta?",
      leadHtml: ({ username, brand }) =>
        `Alguém que sabe a senha da conta ${brand} <strong>${username}</strong> pediu para mudar o e-mail dela. Se não foi você, congele a conta: as sessões são encerradas em todos os dispositivos e ninguém entra até sabermos de quem é a conta.`,
      submit: "Congelar a conta",
      aside: "Se foi você, feche esta página. Nada vai mudar.",
      done: {
        title: "A conta está congelada",
        leadHtml: ({ username }) =>
          `Todas as sessões de <strong>${username}</strong> foram encerradas e a senha não funciona mais.`,
      },
      already: {
        title: "A conta já está congelada",
        leadHtml: ({ username }) =>
          `Todas as sessões de <strong>${username}</strong> foram encerradas e a senha não funciona mais.`,
      },
    },
    dead: {
      title: "Este link não funciona mais",
      lead: "Ele expirou, foi substituído por um mais novo ou está incompleto. Se você recebeu um e-mail mais recente, use o link dele.",
    },
    taken: {
      title: "Este e-mail já está em uso",
      lead: "Ele agora pertence a outra conta, então nada foi alterado. Entre nessa conta ou escolha outro e-mail.",
    },
    lastSuperuser: {
      title: "Esta conta não pode ser congelada",
      lead: "É a única conta que administra todas as outras, então nada foi alterado. Este link continua valendo.",
    },
  },
};

/** What to do about an account that is frozen, or cannot be: with a support address, and without. */
export const CONTACT: Readonly<Record<Locale, Readonly<Record<"frozen" | "lastSuperuser", Contact>>>> = {
  en: {
    frozen: {
      write: "To get the account back, write to us at the address below.",
      ask: "To get the account back, ask the person who administers it.",
    },
    lastSuperuser: {
      write: "Write to us at the address below at once.",
      ask: "Tell the people who run this server at once.",
    },
  },
  "pt-BR": {
    frozen: {
      write: "Para recuperar a conta, escreva para o endereço abaixo.",
      ask: "Para recuperar a conta, fale com quem a administra.",
    },
    lastSuperuser: {
      write: "Escreva agora mesmo para o endereço abaixo.",
      ask: "Avise agora mesmo quem cuida deste servidor.",
    },
  },
};

type Contact = Readonly<Record<"write" | "ask", string>>;
