// What the user hears and sees of the others: an audio element for each member, and the views that show pictures.
//
// Browsers may refuse to play before the user has done something on the page: that is told once for each refusal, and
// everything is tried again at the user's next click or key, whether the app does anything or not.

import type { DeviceKind } from "./devices";

/** A video element or its id. */
export type View = HTMLVideoElement | string;

export interface PlaybackHandlers {
  onBlocked(kind: DeviceKind, userId: string): void;
}

export class Playback {
  private readonly audio = new Map<string, HTMLAudioElement>();
  private readonly tracks = new Map<string, MediaStreamTrack>();
  private readonly views = new Map<string, HTMLVideoElement>();
  private readonly silenced = new Set<string>();
  private allSilenced = false;
  private waiting = new Map<HTMLMediaElement, () => void>();

  constructor(private readonly handlers: PlaybackHandlers) {}

  audioElement(userId: string): HTMLAudioElement | null {
    return this.audio.get(userId) ?? null;
  }

  /** Plays the track as this member's voice, in place of what it had. */
  playAudio(userId: string, track: MediaStreamTrack): HTMLAudioElement {
    let element = this.audio.get(userId);
    if (!element) {
      element = document.createElement("audio");
      element.autoplay = true;
      this.audio.set(userId, element);
    }
    element.muted = this.allSilenced || this.silenced.has(userId);
    show(element, track);
    this.play(element, "audio", userId);
    return element;
  }

  stopAudio(userId: string): void {
    const element = this.audio.get(userId);
    if (!element) return;
    this.audio.delete(userId);
    this.clear(element);
  }

  /** Silences one member, or (without an id) all of them, those who come later too. */
  silence(silent: boolean, userId?: string): void {
    if (userId === undefined) this.allSilenced = silent;
    else if (silent) this.silenced.add(userId);
    else this.silenced.delete(userId);
    for (const [id, element] of this.audio) element.muted = this.allSilenced || this.silenced.has(id);
  }

  /** The picture that belongs into the view of this id (a user id; "" is the camera's preview). Null: none. */
  setVideo(userId: string, track: MediaStreamTrack | null): void {
    if (track) this.tracks.set(userId, track);
    else this.tracks.delete(userId);
    this.render(userId);
  }

  /** Where to show it. None: nowhere. */
  setView(userId: string, view: View | null | undefined): void {
    const element = findView(view);
    const before = this.views.get(userId);
    if (before && before !== element) this.clear(before);
    if (element) this.views.set(userId, element);
    else this.views.delete(userId);
    this.render(userId);
  }

  /** Tries everything again that the browser refused to play. */
  resume(): void {
    const waiting = this.waiting;
    this.stopWaiting();
    for (const play of waiting.values()) play();
  }

  /** Stops all voices and pictures; views stay where they are for the next call. */
  stop(): void {
    for (const userId of [...this.audio.keys()]) this.stopAudio(userId);
    for (const userId of [...this.tracks.keys()]) if (userId !== "") this.setVideo(userId, null);
    this.stopWaiting();
  }

  /** Also forgets the views and what was silenced. */
  reset(): void {
    this.stop();
    for (const element of this.views.values()) this.clear(element);
    this.views.clear();
    this.tracks.clear();
    this.silenced.clear();
    this.allSilenced = false;
  }

  private render(userId: string): void {
    const element = this.views.get(userId);
    if (!element) return;
    const track = this.tracks.get(userId);
    if (!track) return this.clear(element);
    element.muted = true;
    element.autoplay = true;
    element.playsInline = true;
    show(element, track);
    this.play(element, "video", userId);
  }

  private play(element: HTMLMediaElement, kind: DeviceKind, userId: string): void {
    element.play().catch((error: unknown) => {
      // AbortError: another picture came in between, and plays.
      if (!(error instanceof Error) || error.name !== "NotAllowedError" || !element.srcObject) return;
      this.waitFor(element, () => this.play(element, kind, userId));
      this.handlers.onBlocked(kind, userId);
    });
  }

  private clear(element: HTMLMediaElement): void {
    this.waiting.delete(element);
    element.pause();
    element.srcObject = null;
  }

  private readonly onGesture = () => this.resume();

  private waitFor(element: HTMLMediaElement, play: () => void): void {
    this.waiting.set(element, play);
    for (const gesture of GESTURES) document.addEventListener(gesture, this.onGesture, true);
  }

  private stopWaiting(): void {
    this.waiting = new Map();
    for (const gesture of GESTURES) document.removeEventListener(gesture, this.onGesture, true);
  }
}

const GESTURES = ["pointerup", "touchend", "keydown"] as const;

function show(element: HTMLMediaElement, track: MediaStreamTrack): void {
  const stream = element.srcObject;
  if (stream instanceof MediaStream && stream.getTracks()[0] === track) return;
  element.srcObject = new MediaStream([track]);
}

function findView(view: View | null | undefined): HTMLVideoElement | null {
  const element = typeof view === "string" ? document.getElementById(view) : (view ?? null);
  if (!element) return null;
  if (element instanceof HTMLVideoElement) return element;
  console.warn("Ringline: a view must be a video element or the id of one.");
  return null;
}
