// The operations on calls as the vendor's Go client sees them, pointed at Ringline by its endpoint alone: the generic client
// (darabonba-openapi), which the generated packages wrap. The newest of those that can be fetched is older than the agent
// operations and has none of them, so they are called as its methods would call them.
//
// RINGLINE_URL, RINGLINE_AGENT, RINGLINE_KEY_ID and RINGLINE_KEY_SECRET name a running server.
package openapi

import (
	"encoding/json"
	"net/url"
	"os"
	"reflect"
	"regexp"
	"sort"
	"strings"
	"testing"
	"time"

	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	"github.com/alibabacloud-go/tea/dara"
	"github.com/alibabacloud-go/tea/tea"
)

var (
	hex       = regexp.MustCompile(`^[0-9a-f]{32}$`)
	requestID = regexp.MustCompile(`^[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}$`)
)

type values map[string]any

func environment(t *testing.T, name string) string {
	t.Helper()
	value := os.Getenv(name)
	if value == "" {
		t.Fatalf("%s must be set", name)
	}
	return value
}

// client signs with the given secret, or the server's if that is empty; "v2" is the older scheme.
func client(t *testing.T, secret, algorithm string) *openapi.Client {
	t.Helper()
	server, err := url.Parse(environment(t, "RINGLINE_URL"))
	if err != nil {
		t.Fatal(err)
	}
	if secret == "" {
		secret = environment(t, "RINGLINE_KEY_SECRET")
	}
	config := &openapi.Config{
		AccessKeyId:     tea.String(environment(t, "RINGLINE_KEY_ID")),
		AccessKeySecret: tea.String(secret),
		Endpoint:        tea.String(server.Host),
		Protocol:        tea.String(server.Scheme),
	}
	if algorithm != "" {
		config.SignatureAlgorithm = tea.String(algorithm)
	}
	made, err := openapi.NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// send does what a generated method does: structures become JSON texts, everything travels in the query.
func send(t *testing.T, from *openapi.Client, action, method string, parameters values) (map[string]any, error) {
	t.Helper()
	query := map[string]*string{}
	for name, value := range parameters {
		text, isText := value.(string)
		if !isText {
			encoded, err := json.Marshal(value)
			if err != nil {
				t.Fatal(err)
			}
			text = string(encoded)
		}
		query[name] = tea.String(text)
	}
	params := &openapi.Params{
		Action: tea.String(action), Version: tea.String("2020-11-09"), Protocol: tea.String("HTTPS"),
		Pathname: tea.String("/"), Method: tea.String(method), AuthType: tea.String("AK"), Style: tea.String("RPC"),
		ReqBodyType: tea.String("formData"), BodyType: tea.String("json"),
	}
	answer, err := from.CallApi(params, &openapi.OpenApiRequest{Query: query}, &dara.RuntimeOptions{})
	if err != nil {
		return nil, err
	}
	body, _ := answer["body"].(map[string]any)
	id, _ := body["RequestId"].(string)
	if !requestID.MatchString(id) {
		t.Fatalf("%s: RequestId is %q", action, id)
	}
	return body, nil
}

func call(t *testing.T, action string, parameters values) map[string]any {
	t.Helper()
	body, err := send(t, client(t, "", ""), action, "POST", parameters)
	if err != nil {
		t.Fatalf("%s: %v", action, err)
	}
	return body
}

func refused(t *testing.T, status int, code string, from *openapi.Client, action string, parameters values) string {
	t.Helper()
	_, err := send(t, from, action, "POST", parameters)
	sdk, isSDK := err.(*tea.SDKError)
	if !isSDK {
		t.Fatalf("%s: %T %v is no SDKError", action, err, err)
	}
	if tea.StringValue(sdk.Code) != code || tea.IntValue(sdk.StatusCode) != status {
		t.Fatalf("%s: %d %s instead of %d %s: %s", action, tea.IntValue(sdk.StatusCode), tea.StringValue(sdk.Code), status, code,
			tea.StringValue(sdk.Message))
	}
	var data map[string]any
	if err := json.Unmarshal([]byte(tea.StringValue(sdk.Data)), &data); err != nil {
		t.Fatal(err)
	}
	if id, _ := data["RequestId"].(string); !requestID.MatchString(id) {
		t.Errorf("%s: RequestId is %q", action, id)
	}
	if data["HostId"] == "" || data["Code"] != code {
		t.Errorf("%s: %v", action, data)
	}
	return tea.StringValue(sdk.Message)
}

func generate(t *testing.T, parameters values) map[string]any {
	t.Helper()
	parameters["AIAgentId"] = environment(t, "RINGLINE_AGENT")
	body := call(t, "GenerateAIAgentCall", parameters)
	t.Cleanup(func() { call(t, "StopAIAgentInstance", values{"InstanceId": body["InstanceId"]}) })
	return body
}

func describe(t *testing.T, instance any) map[string]any {
	t.Helper()
	described, _ := call(t, "DescribeAIAgentInstance", values{"InstanceId": instance})["Instance"].(map[string]any)
	return described
}

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: %v instead of %v", what, got, want)
	}
}

func keys(of map[string]any) []string {
	names := make([]string, 0, len(of))
	for name := range of {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

func TestACallIsStartedWithTheGreetingOfItsTemplate(t *testing.T) {
	greeting := "你好, *my* greeting ~ + & =."
	template := map[string]any{"VoiceChat": map[string]any{"Greeting": greeting}}
	body := generate(t, values{"TemplateConfig": template, "UserId": "alice", "Expire": 86400, "UserData": `{"k":"中"}`})
	equal(t, "fields", keys(body), []string{"AIAgentUserId", "AvatarUserId", "ChannelId", "InstanceId", "RequestId", "Token", "UserId"})
	for _, name := range []string{"InstanceId", "ChannelId", "AIAgentUserId"} {
		if id, _ := body[name].(string); !hex.MatchString(id) {
			t.Errorf("%s is %v", name, body[name])
		}
	}
	equal(t, "UserId", body["UserId"], "alice")
	instance := describe(t, body["InstanceId"])
	equal(t, "Status", instance["Status"], "Created")
	equal(t, "UserData", instance["UserData"], `{"k":"中"}`)
	equal(t, "TemplateConfig", instance["TemplateConfig"], template)
	config, _ := instance["AgentConfig"].(map[string]any)
	equal(t, "Greeting", config["Greeting"], greeting)
	runtime, _ := instance["RuntimeConfig"].(map[string]any)
	equal(t, "ChannelId", runtime["ChannelId"], body["ChannelId"])
}

func TestARunningCallIsUpdatedListedAndStopped(t *testing.T) {
	agent := environment(t, "RINGLINE_AGENT")
	instance := generate(t, values{"SessionId": "go-session"})["InstanceId"]
	change := values{"InstanceId": instance, "AgentConfig": values{"Volume": 50}, "UserData": "changed"}
	equal(t, "fields", keys(call(t, "UpdateAIAgentInstance", change)), []string{"RequestId"})
	described := describe(t, instance)
	equal(t, "UserData", described["UserData"], "changed")
	equal(t, "SessionId", described["SessionId"], "go-session")
	config, _ := described["AgentConfig"].(map[string]any)
	equal(t, "Volume", config["Volume"], json.Number("50"))

	listed, _ := call(t, "ListAIAgentInstance", values{"AIAgentId": agent, "PageSize": 1})["Instances"].([]any)
	if len(listed) != 1 {
		t.Fatalf("%d instances on a page of one", len(listed))
	}
	equal(t, "RuntimeConfig", listed[0].(map[string]any)["RuntimeConfig"], described["RuntimeConfig"])
	dialogues := values{"SessionId": "go-session", "StartTime": 0, "EndTime": time.Now().UnixMilli()}
	equal(t, "Dialogues", call(t, "ListAIAgentDialogues", dialogues)["Dialogues"], []any{})

	call(t, "StopAIAgentInstance", values{"InstanceId": instance})
	refused(t, 400, "InstanceFinished", client(t, "", ""), "UpdateAIAgentInstance", change)
	equal(t, "Status", describe(t, instance)["Status"], "Finished")
	active, isNumber := call(t, "GetAIAgentConcurrency", values{"AIAgentId": agent})["ActiveCount"].(json.Number)
	if !isNumber {
		t.Errorf("ActiveCount is %v", active)
	}
}

func TestTheVoicesAreListed(t *testing.T) {
	body, err := send(t, client(t, "", ""), "ListSmartVoiceGroups", "GET", values{})
	if err != nil {
		t.Fatal(err)
	}
	if groups, _ := body["VoiceGroups"].([]any); len(groups) == 0 {
		t.Error("no voices")
	}
}

func TestErrorsHaveStatusCodeMessageAndData(t *testing.T) {
	agent, from := environment(t, "RINGLINE_AGENT"), client(t, "", "")
	message := refused(t, 404, "AgentNotFound", from, "GenerateAIAgentCall", values{"AIAgentId": strings.Repeat("0", 32)})
	if !strings.Contains(message, "The specified agentId is not found.") {
		t.Error(message)
	}
	refused(t, 404, "InstanceNotFound", from, "StopAIAgentInstance", values{"InstanceId": strings.Repeat("0", 32)})
	refused(t, 400, "MissingAIAgentId", from, "GenerateAIAgentCall", values{})
	message = refused(t, 400, "InvalidParameter", from, "GenerateAIAgentCall", values{"AIAgentId": agent, "Expire": 604801})
	if !strings.Contains(message, "Expire") {
		t.Error(message)
	}
}

func TestOperationsThatAreNotOfferedAreNotFound(t *testing.T) {
	for _, action := range []string{
		"StartAIAgentOutboundCall", "ForwardAIAgentCall", "ListAIAgentPhoneNumber", "GenerateMessageChatToken",
		"SendMessageChatText", "SubmitAIAgentVideoAuditTask", "ActiveAiRtcLicense",
	} {
		refused(t, 404, "InvalidApi.NotFound", client(t, "", ""), action, values{"AIAgentId": "a"})
	}
}

func TestAWrongSecretIsRefusedAndTheOlderSignatureWorksByGetAndPost(t *testing.T) {
	parameters := values{"InstanceId": generate(t, values{})["InstanceId"]}
	for _, algorithm := range []string{"", "v2"} {
		refused(t, 400, "SignatureDoesNotMatch", client(t, "not the secret", algorithm), "DescribeAIAgentInstance", parameters)
		for _, method := range []string{"GET", "POST"} {
			if _, err := send(t, client(t, "", algorithm), "DescribeAIAgentInstance", method, parameters); err != nil {
				t.Errorf("%q by %s: %v", algorithm, method, err)
			}
		}
	}
}
