// 通话中可能出现的问题以及处理办法。

import type { Problem } from "../call/problem";

export function problemWords(problem: Problem, origin: string): { title: string; text: string } {
  switch (problem.kind) {
    case "insecure-page":
      return {
        title: "当前地址无法使用麦克风",
        text: `浏览器只允许 https 页面和 localhost 使用麦克风，而本页面是 ${origin || "其他地址"}。请在服务器本机以 http://localhost 打开，或为其配置 https。也可以现在直接呼叫并打字交流。`,
      };
    case "unsupported-browser":
      return { title: "此浏览器无法通话", text: "浏览器不支持 WebRTC，或已将其关闭。请使用新版 Chromium、Firefox、Safari 或 Edge。" };
    case "microphone-denied":
      return {
        title: "麦克风被禁用",
        text: "允许使用麦克风之前，智能体听不到你：点击地址栏旁的网站设置，将麦克风设为“允许”，然后重新呼叫。如果那里已经允许，请检查系统的隐私设置。",
      };
    case "microphone-missing":
      return { title: "没有找到麦克风", text: "请接上麦克风，或在系统声音设置中启用，然后重新呼叫。也可以不用麦克风，直接打字。" };
    case "microphone-failed":
      return { title: "麦克风无法启动", text: `可能有其他程序正在使用它。请关闭该程序后重新呼叫。浏览器提示：${problem.message}` };
    case "microphone-lost":
      return { title: "麦克风断开了", text: "麦克风被拔出或被占用。请重新接上并点击重新连接；通话仍在继续，期间可以打字。" };
    case "server-away":
      return { title: "服务器没有响应", text: "请确认 `ringline serve` 正在运行并且本机可以访问，然后重试。" };
    case "no-agent":
      return { title: "没有可呼叫的智能体", text: "请登录后在“智能体”页面创建一个，再回到这里。" };
    case "refused":
      return { title: "服务器拒绝了呼叫", text: problem.code ? `${problem.message}（${problem.code}）` : problem.message || "没有给出原因。" };
    case "server-full":
      return { title: "线路全忙", text: "服务器暂时无法接听更多通话，请稍后再试。" };
    case "bad-answer":
      return { title: "服务器的应答无法理解", text: `页面与服务器的版本可能不一致。请刷新页面；如果仍不行，请查看服务器日志。详情：${problem.message}` };
    case "no-media-path":
      return { title: "无法建立音频通路", text: "呼叫已被接受，但音频无法到达。防火墙可能拦截了服务器的媒体端口（见 --udp），或服务器公布的地址本机无法访问。" };
    case "path-lost":
      return { title: "连接已断开", text: "一分钟内未能恢复，通话已结束。请检查网络后重新呼叫。" };
    case "call-over":
      return { title: "通话已结束", text: "服务器结束了通话，或已重新启动。" };
    case "replaced":
      return { title: "你已在别处加入此通话", text: "通话在你最后加入的地方继续。" };
    case "agent-left":
      return { title: "智能体已离开", text: leaveWords(problem.reason, problem.message) };
    case "agent-error":
      return { title: "智能体出现问题", text: errorWords(problem.code, problem.message) };
  }
}

function leaveWords(reason: number, message: string): string {
  switch (reason) {
    case 2001:
      return "长时间无人说话，它已挂断。";
    case 2002:
      return "接管通话的人员已结束通话。";
    default:
      return message ? `它说：${message}` : "它结束了通话。";
  }
}

function errorWords(code: number, message: string): string {
  switch (code) {
    case 4001:
      return "服务器的数字人路数已满。";
    case 4004:
      return "它听不到你：收不到你的音频。请检查麦克风，或挂断后重新呼叫。";
    case 4005:
      return `语音识别失败，没有听懂。${message} 请再说一遍，或打字。`;
    case 4006:
      return "数字人服务出现故障。";
    default:
      return `${message || "服务器没有给出原因。"}（${code}）`;
  }
}
