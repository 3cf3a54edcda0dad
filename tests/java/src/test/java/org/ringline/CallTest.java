package org.ringline;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.aliyun.ice20201109.Client;
import com.aliyun.ice20201109.models.ListSmartVoiceGroupsResponse;
import com.aliyun.tea.TeaException;
import com.aliyun.teaopenapi.models.Config;
import com.aliyun.teaopenapi.models.OpenApiRequest;
import com.aliyun.teaopenapi.models.Params;
import com.aliyun.teautil.models.RuntimeOptions;
import java.net.URI;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * The sample flow of the product page with the vendor's Java client, pointed at Ringline by its endpoint alone, and every
 * other operation on calls.
 *
 * <p>RINGLINE_URL, RINGLINE_AGENT, RINGLINE_KEY_ID and RINGLINE_KEY_SECRET name a running server. The newest package on
 * Maven Central (2.3.0) has generated methods for the voice list alone, so the others go through the client's own callApi,
 * as generated methods do: the same signature, transport and error parsing.
 */
class CallTest {
    private static final String AGENT = environment("RINGLINE_AGENT");
    private static final String HEX = "[0-9a-f]{32}";
    private static final String REQUEST_ID = "[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}";

    private final List<String> started = new ArrayList<>();

    private static String environment(String name) {
        String value = System.getenv(name);
        if (value == null || value.isEmpty()) {
            throw new IllegalStateException(name + " must be set");
        }
        return value;
    }

    private static Client client(String secret, String algorithm) throws Exception {
        URI url = URI.create(environment("RINGLINE_URL"));
        Config config = new Config()
                .setAccessKeyId(environment("RINGLINE_KEY_ID"))
                .setAccessKeySecret(secret)
                .setEndpoint(url.getAuthority())
                .setProtocol(url.getScheme());
        config.signatureAlgorithm = algorithm;
        return new Client(config);
    }

    private static Client client() throws Exception {
        return client(environment("RINGLINE_KEY_SECRET"), null);
    }

    /** What a generated method does: structures become JSON texts, everything travels in the query. */
    @SuppressWarnings("unchecked")
    private static Map<String, Object> call(Client client, String action, String method, Map<String, ?> parameters)
            throws Exception {
        Map<String, Object> query = new HashMap<>();
        for (Map.Entry<String, ?> parameter : parameters.entrySet()) {
            Object value = parameter.getValue();
            if (value instanceof Map || value instanceof List) {
                value = com.aliyun.openapiutil.Client.arrayToStringWithSpecifiedStyle(value, parameter.getKey(), "json");
            }
            query.put(parameter.getKey(), value);
        }
        Params params = new Params()
                .setAction(action)
                .setVersion("2020-11-09")
                .setProtocol("HTTPS")
                .setPathname("/")
                .setMethod(method)
                .setAuthType("AK")
                .setStyle("RPC")
                .setReqBodyType("formData")
                .setBodyType("json");
        OpenApiRequest request = new OpenApiRequest().setQuery(com.aliyun.openapiutil.Client.query(query));
        Map<String, ?> answer = client.callApi(params, request, new RuntimeOptions());
        assertEquals(200, answer.get("statusCode"));
        Map<String, Object> body = (Map<String, Object>) answer.get("body");
        assertTrue(body.get("RequestId").toString().matches(REQUEST_ID), body.toString());
        return body;
    }

    private static Map<String, Object> call(String action, Map<String, ?> parameters) throws Exception {
        return call(client(), action, "POST", parameters);
    }

    private Map<String, Object> generate(Map<String, ?> parameters) throws Exception {
        Map<String, Object> all = new HashMap<>(parameters);
        all.put("AIAgentId", AGENT);
        Map<String, Object> body = call("GenerateAIAgentCall", all);
        started.add(body.get("InstanceId").toString());
        return body;
    }

    @SuppressWarnings("unchecked")
    private static Map<String, Object> describe(Object instance) throws Exception {
        return (Map<String, Object>) call("DescribeAIAgentInstance", Map.of("InstanceId", instance)).get("Instance");
    }

    private static TeaException refused(int status, String code, Client client, String action, Map<String, ?> parameters) {
        TeaException error = assertThrows(TeaException.class, () -> call(client, action, "POST", parameters));
        assertEquals(code, error.getCode(), error.getMessage());
        assertEquals(status, error.getStatusCode());
        assertEquals(code, error.getData().get("Code"));
        String request = error.getData().get("RequestId").toString();
        assertTrue(request.matches(REQUEST_ID), request);
        assertTrue(error.getMessage().startsWith("code: " + status + ", "), error.getMessage());
        assertTrue(error.getMessage().endsWith(" request id: " + request), error.getMessage());
        assertFalse(error.getData().get("HostId").toString().isEmpty());
        return error;
    }

    @AfterEach
    void stopWhatWasStarted() throws Exception {
        for (String instance : started) {
            assertEquals(Set.of("RequestId"), call("StopAIAgentInstance", Map.of("InstanceId", instance)).keySet());
        }
    }

    @Test
    void theSampleOfTheProductPageStartsACallWithTheGreetingOfItsTemplate() throws Exception {
        Map<String, Object> template = Map.of("VoiceChat", Map.of("Greeting", "你好, this is *my* greeting ~ + & =."));
        Map<String, Object> body =
                generate(Map.of("TemplateConfig", template, "UserId", "alice", "Expire", 3600, "UserData", "{\"k\":\"中\"}"));
        System.out.println("GenerateAIAgentCall: instance " + body.get("InstanceId") + ", channel " + body.get("ChannelId"));
        assertEquals(
                Set.of("RequestId", "InstanceId", "ChannelId", "AIAgentUserId", "AvatarUserId", "UserId", "Token"),
                body.keySet());
        for (String id : List.of("InstanceId", "ChannelId", "AIAgentUserId")) {
            assertTrue(body.get(id).toString().matches(HEX), id + " is " + body.get(id));
        }
        assertEquals("alice", body.get("UserId"));
        Map<String, Object> instance = describe(body.get("InstanceId"));
        assertEquals("Created", instance.get("Status"));
        assertEquals("{\"k\":\"中\"}", instance.get("UserData"));
        Map<?, ?> config = assertInstanceOf(Map.class, instance.get("AgentConfig"));
        assertEquals("你好, this is *my* greeting ~ + & =.", config.get("Greeting"));
        assertEquals(template, instance.get("TemplateConfig"));
        Map<?, ?> runtime = assertInstanceOf(Map.class, instance.get("RuntimeConfig"));
        assertEquals(body.get("ChannelId"), runtime.get("ChannelId"));
    }

    @Test
    void theSamplesErrorPathHasCodeMessageAndData() throws Exception {
        TeaException error = refused(404, "AgentNotFound", client(), "GenerateAIAgentCall", Map.of("AIAgentId", "0".repeat(32)));
        System.out.println(error.getMessage());
        // As the sample does it; optional in the contract (server-api §3.2).
        System.out.println("Recommend: " + error.getData().get("Recommend"));
        assertEquals("The specified agentId is not found.", error.getData().get("Message"));
    }

    @Test
    void aRunningCallIsUpdatedListedAndStopped() throws Exception {
        Map<String, Object> counted = Map.of("AIAgentId", AGENT);
        int before = ((Number) call("GetAIAgentConcurrency", counted).get("ActiveCount")).intValue();
        Object instance = generate(Map.of("SessionId", "java-session")).get("InstanceId");
        assertEquals(before + 1, ((Number) call("GetAIAgentConcurrency", counted).get("ActiveCount")).intValue());

        Map<String, Object> change = Map.of("InstanceId", instance, "AgentConfig", Map.of("Volume", 50), "UserData", "changed");
        assertEquals(Set.of("RequestId"), call("UpdateAIAgentInstance", change).keySet());
        Map<String, Object> described = describe(instance);
        assertEquals(50, ((Number) ((Map<?, ?>) described.get("AgentConfig")).get("Volume")).intValue());
        assertEquals("changed", described.get("UserData"));
        assertEquals("java-session", described.get("SessionId"));
        assertTrue(described.get("CallLogUrl").toString().startsWith("http"));

        List<?> instances = (List<?>) call("ListAIAgentInstance", Map.of("AIAgentId", AGENT, "PageSize", 1)).get("Instances");
        assertEquals(1, instances.size());
        Map<?, ?> listed = assertInstanceOf(Map.class, instances.get(0));
        assertEquals(described.get("RuntimeConfig"), listed.get("RuntimeConfig"));
        assertEquals("changed", listed.get("UserData"));

        Map<String, Object> dialogues =
                Map.of("SessionId", "java-session", "StartTime", 0L, "EndTime", System.currentTimeMillis(), "PageSize", 100);
        assertEquals(List.of(), call("ListAIAgentDialogues", dialogues).get("Dialogues"));

        call("StopAIAgentInstance", Map.of("InstanceId", instance));
        refused(400, "InstanceFinished", client(), "UpdateAIAgentInstance", change);
        refused(400, "InstanceFinished", client(), "SendAIAgentSpeech", Map.of("InstanceId", instance, "Text", "Hi."));
        assertEquals("Finished", describe(instance).get("Status"));
    }

    @Test
    void theVoicesAreListedByTheGeneratedMethod() throws Exception {
        ListSmartVoiceGroupsResponse answer = client().listSmartVoiceGroups();
        assertEquals(200, answer.getStatusCode());
        assertFalse(answer.getBody().getVoiceGroups().isEmpty());
        answer.getBody().getVoiceGroups().forEach(group -> {
            assertFalse(group.getType().isEmpty());
            group.getVoiceList().forEach(voice -> assertFalse(voice.getVoice().isEmpty()));
        });
    }

    @Test
    void whatIsMissingOrImpossibleIsNamed() throws Exception {
        refused(400, "MissingAIAgentId", client(), "GenerateAIAgentCall", Map.of());
        refused(400, "MissingInstanceId", client(), "StopAIAgentInstance", Map.of());
        TeaException error =
                refused(400, "InvalidParameter", client(), "GenerateAIAgentCall", Map.of("AIAgentId", AGENT, "Expire", 604801));
        assertTrue(error.getMessage().contains("Expire"), error.getMessage());
        refused(404, "InstanceNotFound", client(), "DescribeAIAgentInstance", Map.of("InstanceId", "0".repeat(32)));
    }

    @Test
    void operationsThatAreNotOfferedAreNotFound() throws Exception {
        for (String action : List.of("StartAIAgentOutboundCall", "ForwardAIAgentCall", "ListAIAgentPhoneNumber",
                "GenerateMessageChatToken", "SendMessageChatText", "SubmitAIAgentVideoAuditTask", "ActiveAiRtcLicense")) {
            TeaException error = refused(404, "InvalidApi.NotFound", client(), action, Map.of("AIAgentId", AGENT));
            assertTrue(error.getMessage().contains("Specified api is not found, please check your url and method."));
        }
    }

    @Test
    void aWrongSecretIsRefusedAndTheOlderSignatureWorksByGetAndPost() throws Exception {
        Object instance = generate(Map.of()).get("InstanceId");
        Map<String, Object> parameters = Map.of("InstanceId", instance);
        String secret = environment("RINGLINE_KEY_SECRET");
        for (String algorithm : new String[] {null, "v2"}) {
            Client wrong = client("not the secret", algorithm);
            refused(400, "SignatureDoesNotMatch", wrong, "DescribeAIAgentInstance", parameters);
            for (String method : List.of("GET", "POST")) {
                call(client(secret, algorithm), "DescribeAIAgentInstance", method, parameters);
            }
        }
    }
}
