// A call's recording as something to play. It is fetched when it is first wanted, since an element can't send the token.

import { answer } from "../admin/api";

export class Recording {
  readonly audio = new Audio();
  private url: string | null = null;
  private loading: Promise<void> | null = null;

  /** `path` is the call's. */
  constructor(private readonly path: string) {}

  /** Plays from there on; throws what went wrong. */
  async play(seconds: number): Promise<void> {
    this.loading ??= this.load();
    try {
      await this.loading;
    } catch (error) {
      this.loading = null;
      throw error;
    }
    this.audio.currentTime = seconds;
    await this.audio.play();
  }

  seek(seconds: number): void {
    if (this.url) this.audio.currentTime = seconds;
  }

  setSpeed(rate: number): void {
    this.audio.defaultPlaybackRate = rate;
    this.audio.playbackRate = rate;
  }

  close(): void {
    this.audio.pause();
    this.audio.removeAttribute("src");
    if (this.url) URL.revokeObjectURL(this.url);
    this.url = null;
    this.loading = null;
  }

  private async load(): Promise<void> {
    const format = this.audio.canPlayType('audio/ogg; codecs="opus"') ? "opus" : "wav";
    const response = await answer(`${this.path}/recording?format=${format}`);
    this.url = URL.createObjectURL(await response.blob());
    this.audio.src = this.url;
  }
}
