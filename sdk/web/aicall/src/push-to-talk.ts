// Who of microphone and camera is open now: the user's own mutes, and push-to-talk over them. A value.

export interface Opening {
  microphone: boolean;
  camera: boolean;
}

export class PushToTalk {
  /** The user muted the microphone; holds outside push-to-talk only. */
  muted = false;
  /** Video is sent between presses, too. */
  pushVideoOnRelease = false;
  private mode = false;
  private pressed = false;
  /** 1105s that the server has not confirmed. */
  private unconfirmed = 0;

  get enabled(): boolean {
    return this.mode;
  }

  get talking(): boolean {
    return this.pressed;
  }

  /** A new call begins in this mode. */
  begin(enabled: boolean): void {
    this.mode = enabled;
    this.pressed = false;
    this.unconfirmed = 0;
  }

  /** The app changed the mode and the server was told. */
  set(enabled: boolean): void {
    this.mode = enabled;
    this.pressed = false;
    this.unconfirmed += 1;
  }

  /** The server says which mode it is in; true if that changes anything. An answer to the app's own change does not. */
  confirm(enabled: boolean): boolean {
    if (this.unconfirmed > 0) {
      this.unconfirmed -= 1;
      return false;
    }
    if (this.mode === enabled) return false;
    this.mode = enabled;
    this.pressed = false;
    return true;
  }

  press(): boolean {
    if (!this.mode || this.pressed) return false;
    this.pressed = true;
    return true;
  }

  release(): boolean {
    if (!this.pressed) return false;
    this.pressed = false;
    return true;
  }

  get opening(): Opening {
    return {
      microphone: this.mode ? this.pressed : !this.muted,
      camera: !this.mode || this.pressed || this.pushVideoOnRelease,
    };
  }
}
