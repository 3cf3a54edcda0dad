// The shell: who we are, where one can go, and the page. Pages but Talk are loaded when they are first wanted.

import { Suspense, lazy, useEffect } from "react";
import { Link, Route, Router, Switch, useLocation } from "wouter";
import { useHashLocation } from "wouter/use-hash-location";
import { useDoors } from "./admin/doors";
import { SignedIn } from "./admin/sign-in";
import { signOut, useSession } from "./admin/session";
import { TalkPage } from "./talk/page";
import { useTalk, type TalkState } from "./talk/talk";
import { Boundary } from "./ui/boundary";
import { Icon, type Sign } from "./ui/icons";
import { Loading } from "./ui/parts";
import { setTheme, useTheme, type Theme } from "./ui/theme";
import { LANGUAGES, useLanguage, useWords, type Language, type Words } from "./words";

const CallsPage = lazy(() => import("./calls/page"));
const CallPage = lazy(() => import("./calls/call-page"));
const AgentsPage = lazy(() => import("./agents/page"));
const AgentPage = lazy(() => import("./agents/agent-page"));
const KeysPage = lazy(() => import("./keys/page"));
const HealthPage = lazy(() => import("./health/page"));

type PageName = "talk" | "calls" | "agents" | "keys" | "health";
const PAGES: PageName[] = ["talk", "calls", "agents", "keys", "health"];
/** What of the admin API a page is nothing without. */
const DOORS: Partial<Record<PageName, string>> = { calls: "/calls", agents: "/agents/schema", health: "/health" };

export function App() {
  return (
    // Addresses behind a hash: the server's paths stay its API's.
    <Router hook={useHashLocation}>
      <Shell />
    </Router>
  );
}

function Shell() {
  const words = useWords();
  const state = useTalk();
  const [location] = useLocation();
  return (
    <>
      <a
        className="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          document.getElementById("main")?.focus();
        }}
      >
        {words.shell.skip}
      </a>
      <header className="top">
        <Link href="/" className="brand">
          <img src="/icon.svg" alt="" width="30" height="30" />
          Ringline
        </Link>
        <Navigation words={words} />
        <div className="tools">
          <Connection state={state} words={words} />
          <Preferences words={words} />
        </div>
      </header>
      <main id="main" tabIndex={-1}>
        <Boundary place={location}>
          <Suspense fallback={<Loading />}>
            <Pages />
          </Suspense>
        </Boundary>
      </main>
      <footer>{state.info?.version ? `Ringline ${state.info.version}` : ""}</footer>
    </>
  );
}

function Pages() {
  const words = useWords().shell;
  const [location] = useLocation();
  useEffect(() => {
    const page = PAGES.find((name) => location.startsWith(`/${name}`)) ?? "talk";
    document.title = `${words[page]} · Ringline`;
    scrollTo(0, 0);
  }, [location, words]);
  return (
    <Switch>
      <Route path="/">
        <TalkPage agent={undefined} />
      </Route>
      <Route path="/talk/:agent">{({ agent }) => <TalkPage agent={agent} />}</Route>
      <Route>
        <SignedIn>
          <Switch>
            <Route path="/calls">
              <CallsPage />
            </Route>
            <Route path="/calls/:id">{({ id }) => <CallPage key={id} id={id} />}</Route>
            <Route path="/agents">
              <AgentsPage />
            </Route>
            <Route path="/agents/:id">{({ id }) => <AgentPage key={id} id={id} />}</Route>
            <Route path="/new-agent">
              <AgentPage id={null} />
            </Route>
            <Route path="/keys">
              <KeysPage />
            </Route>
            <Route path="/health">
              <HealthPage />
            </Route>
            <Route>
              <p className="loading">{words.notFound}</p>
            </Route>
          </Switch>
        </SignedIn>
      </Route>
    </Switch>
  );
}

function Navigation({ words }: { words: Words }) {
  const [location] = useLocation();
  const offers = useDoors();
  const shown = PAGES.filter((name) => DOORS[name] === undefined || offers(DOORS[name]));
  const here = (name: PageName) => (name === "talk" ? location === "/" || location.startsWith("/talk") : location.startsWith(`/${name}`) || (name === "agents" && location === "/new-agent"));
  const signs: Record<PageName, Sign> = { talk: "talk", calls: "calls", agents: "agents", keys: "keys", health: "health" };
  return (
    <nav className="pages" aria-label={words.shell.pages}>
      {shown.map((name) => (
        <Link key={name} href={name === "talk" ? "/" : `/${name}`} aria-current={here(name) ? "page" : undefined} data-testid={`nav-${name}`}>
          <Icon sign={signs[name]} />
          {words.shell[name]}
        </Link>
      ))}
    </nav>
  );
}

/** On the Talk page the connection; elsewhere, during a call, the way back to it. */
function Connection({ state, words }: { state: TalkState; words: Words }) {
  const [location] = useLocation();
  const onTalk = location === "/" || location.startsWith("/talk");
  const level = state.phase === "connected" || (state.phase === "idle" && state.serverUp) ? "good" : state.phase === "idle" && state.serverUp === false ? "bad" : "wait";
  if (onTalk) {
    return (
      <p className="connection" data-testid="connection" data-level={level} role="status">
        {connectionWords(state, words)}
        {state.phase === "connected" && state.roundTripMs !== null && <span aria-hidden="true">{`· ${state.roundTripMs} ms`}</span>}
      </p>
    );
  }
  if (state.phase === "idle") return null;
  return (
    <Link href="/" className="connection" data-level={level} title={words.shell.backToCall}>
      {words.shell.onCall}
    </Link>
  );
}

function connectionWords({ phase, serverUp }: TalkState, { talk }: Words): string {
  switch (phase) {
    case "idle":
      return serverUp === null ? talk.connection.looking : serverUp ? talk.connection.up : talk.connection.away;
    case "connected":
      return talk.connection.connected;
    case "reconnecting":
      return talk.connection.reconnecting;
    default:
      return talk.connection.connecting;
  }
}

function Preferences({ words }: { words: Words }) {
  const { language, speak } = useLanguage();
  const theme = useTheme();
  const { token } = useSession();
  return (
    <div className="preferences">
      <label className="chooser">
        <Icon sign="language" />
        <span className="unseen">{words.shell.language}</span>
        <select data-testid="language" value={language} onChange={(event) => speak(event.target.value as Language)}>
          {Object.entries(LANGUAGES).map(([tag, name]) => (
            <option key={tag} value={tag} lang={tag}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <label className="chooser">
        <Icon sign="theme" />
        <span className="unseen">{words.shell.theme}</span>
        <select data-testid="theme" value={theme} onChange={(event) => setTheme(event.target.value as Theme)}>
          {(["auto", "light", "dark"] as const).map((name) => (
            <option key={name} value={name}>
              {words.shell.themes[name]}
            </option>
          ))}
        </select>
      </label>
      {token !== null && (
        <button type="button" className="chooser" data-testid="sign-out" title={words.shell.signOut} aria-label={words.shell.signOut} onClick={() => signOut()}>
          <Icon sign="leave" />
        </button>
      )}
    </div>
  );
}
