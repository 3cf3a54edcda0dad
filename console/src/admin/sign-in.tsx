// What an operator sees before signing in: one field for the admin token. The page behind it follows at once.

import { useState, type FormEvent, type ReactNode } from "react";
import { Coded } from "../ui/parts";
import { useWords } from "../words";
import { ApiError, api } from "./api";
import { signIn, useSession } from "./session";

export function SignedIn({ children }: { children: ReactNode }) {
  const { token } = useSession();
  return token === null ? <SignIn /> : children;
}

function SignIn() {
  const words = useWords();
  const { expired } = useSession();
  const [token, setToken] = useState("");
  const [shown, setShown] = useState(false);
  const [busy, setBusy] = useState(false);
  const [wrong, setWrong] = useState<string | null>(null);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setWrong(null);
    try {
      await api("/agents?limit=1", { token: token.trim() });
      signIn(token.trim());
    } catch (error) {
      const refused = error instanceof ApiError && error.status === 401;
      setWrong(refused ? words.signIn.wrong : words.failure.away);
      setBusy(false);
    }
  };

  return (
    <div className="page narrow sign-in">
      <form className="card padded stack" onSubmit={(event) => void submit(event)}>
        <div>
          <h1>{words.signIn.title}</h1>
          <p className="quiet">{words.signIn.text}</p>
        </div>
        {expired && wrong === null && (
          <p className="notice calm" role="alert">
            <Coded text={words.signIn.expired} />
          </p>
        )}
        {wrong !== null && (
          <p className="notice" role="alert" data-testid="sign-in-wrong">
            <Coded text={wrong} />
          </p>
        )}
        {/* For password managers, which want to know whose the token is. */}
        <input type="text" autoComplete="username" value="ringline-admin" readOnly hidden />
        <label className="field">
          <span>{words.signIn.token}</span>
          {/* oxlint-disable-next-line jsx-a11y/no-autofocus -- the page's one field */}
          <input type={shown ? "text" : "password"} autoComplete="current-password" data-testid="admin-token" autoFocus required spellCheck={false} value={token} onChange={(event) => setToken(event.target.value)} aria-describedby="token-hint" />
        </label>
        <label className="tick">
          <input type="checkbox" checked={shown} onChange={(event) => setShown(event.target.checked)} />
          <span>{words.signIn.show}</span>
        </label>
        <p className="quiet small" id="token-hint">
          <Coded text={words.signIn.hint} /> {words.signIn.kept}
        </p>
        <button type="submit" className="button primary" data-testid="sign-in" disabled={busy || token.trim() === ""}>
          {words.signIn.submit}
        </button>
      </form>
    </div>
  );
}
