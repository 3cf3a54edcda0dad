// A track of silence, for when nothing is captured but something must be sent.

export class Silence {
  private readonly context = new AudioContext();
  readonly track: MediaStreamTrack;

  constructor() {
    const destination = this.context.createMediaStreamDestination();
    // A destination without a source sends no packets.
    const source = new ConstantSourceNode(this.context, { offset: 0 });
    source.connect(destination);
    source.start();
    const [track] = destination.stream.getAudioTracks();
    if (!track) throw new Error("an audio destination has one track");
    this.track = track;
  }

  stop(): void {
    this.track.stop();
    void this.context.close();
  }
}
