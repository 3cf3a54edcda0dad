// A microphone that says what the test wants: the browser is asked for a real one, and what it would have heard is replaced.

{
  const devices = navigator.mediaDevices;
  const open = devices.getUserMedia.bind(devices);
  let context;
  let voice;

  devices.getUserMedia = async (constraints) => {
    const real = await open(constraints);
    if (!constraints.audio) return real;
    context ??= new AudioContext();
    voice ??= context.createGain();
    for (const track of real.getAudioTracks()) track.stop();
    const destination = context.createMediaStreamDestination();
    voice.connect(destination);
    return new MediaStream([...destination.stream.getAudioTracks(), ...real.getVideoTracks()]);
  };

  /** Says the sentence in this file; resolves when it is said. */
  window.say = async (name) => {
    const response = await fetch(`/speech/${name}.wav`);
    const source = context.createBufferSource();
    source.buffer = await context.decodeAudioData(await response.arrayBuffer());
    source.connect(voice);
    source.start();
    await new Promise((resolve) => (source.onended = resolve));
  };
}

{
  // Every connection, for its statistics.
  const Connection = RTCPeerConnection;
  window.connections = [];
  window.RTCPeerConnection = class extends Connection {
    constructor(...args) {
      super(...args);
      window.connections.push(this);
    }
  };
}
