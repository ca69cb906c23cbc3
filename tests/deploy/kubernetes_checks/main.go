// What a Kubernetes API server says of manifests, without a server: its own code decodes them
// strictly, fills in defaults, validates as it does for `create`, and holds pods against the Pod
// Security Standard "restricted".
//
//	kustomize build FOLDER | kubernetes-checks
//
// Each fault and each warning is a line, and the program ends with 1; with none, it says how many
// objects are valid.
package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	apps "k8s.io/api/apps/v1"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/yaml"
	genericapirequest "k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	apiservice "k8s.io/kubernetes/pkg/api/service"
	_ "k8s.io/kubernetes/pkg/apis/apps/install"
	_ "k8s.io/kubernetes/pkg/apis/batch/install"
	api "k8s.io/kubernetes/pkg/apis/core"
	_ "k8s.io/kubernetes/pkg/apis/core/install"
	_ "k8s.io/kubernetes/pkg/apis/networking/install"
	"k8s.io/kubernetes/pkg/registry/apps/statefulset"
	"k8s.io/kubernetes/pkg/registry/batch/job"
	"k8s.io/kubernetes/pkg/registry/core/configmap"
	"k8s.io/kubernetes/pkg/registry/core/namespace"
	"k8s.io/kubernetes/pkg/registry/core/service"
	"k8s.io/kubernetes/pkg/registry/networking/networkpolicy"
	podsecurity "k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

var strategies = map[schema.GroupVersionKind]rest.RESTCreateStrategy{
	{Version: "v1", Kind: "ConfigMap"}:                                 configmap.Strategy,
	{Version: "v1", Kind: "Namespace"}:                                 namespace.Strategy,
	{Version: "v1", Kind: "Service"}:                                   service.Strategy,
	{Group: "apps", Version: "v1", Kind: "StatefulSet"}:                statefulset.Strategy,
	{Group: "batch", Version: "v1", Kind: "Job"}:                       job.Strategy,
	{Group: "networking.k8s.io", Version: "v1", Kind: "NetworkPolicy"}: networkpolicy.Strategy,
}

var strict = serializer.NewCodecFactory(legacyscheme.Scheme, serializer.EnableStrict)

func main() {
	valid, faults := check(os.Stdin)
	for _, fault := range faults {
		fmt.Println(fault)
	}
	if len(faults) > 0 {
		os.Exit(1)
	}
	fmt.Printf("%d objects are valid\n", valid)
}

func check(manifests io.Reader) (valid int, faults []string) {
	restricted, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		return 0, []string{err.Error()}
	}
	reader := yaml.NewYAMLReader(bufio.NewReader(manifests))
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return valid, faults
		}
		if err != nil {
			return valid, append(faults, err.Error())
		}
		if len(bytes.TrimSpace(document)) == 0 {
			continue
		}
		found := checkOne(document, restricted)
		if len(found) == 0 {
			valid++
		}
		faults = append(faults, found...)
	}
}

func checkOne(document []byte, restricted policy.Evaluator) []string {
	versioned, kind, err := strict.UniversalDeserializer().Decode(document, nil, nil)
	if err != nil {
		return []string{err.Error()}
	}
	accessor, err := meta.Accessor(versioned)
	if err != nil {
		return []string{err.Error()}
	}
	named := kind.Kind + " " + accessor.GetName()
	strategy, known := strategies[*kind]
	if !known {
		return []string{named + ": this program does not know how " + kind.String() + " is validated"}
	}

	var faults []string
	internal, err := runtime.Decode(strict.UniversalDecoder(), document)
	if err != nil {
		return []string{named + ": " + err.Error()}
	}
	if one, is := internal.(*api.Service); is {
		allocate(one)
	}
	ctx := genericapirequest.NewDefaultContext()
	if strategy.NamespaceScoped() {
		ctx = genericapirequest.WithNamespace(ctx, accessor.GetNamespace())
	}
	if metadata, err := meta.Accessor(internal); err == nil {
		rest.FillObjectMetaSystemFields(metadata)
	}
	if err := rest.BeforeCreate(strategy, ctx, internal); err != nil {
		faults = append(faults, named+": "+err.Error())
	}
	for _, warning := range strategy.WarningsOnCreate(ctx, internal) {
		faults = append(faults, named+": warning: "+warning)
	}
	switch one := versioned.(type) {
	case *apps.StatefulSet:
		faults = append(faults, againstStandard(named, restricted, &one.Spec.Template)...)
	case *batch.Job:
		faults = append(faults, againstStandard(named, restricted, &one.Spec.Template)...)
	}
	return faults
}

// A server gives a service its addresses before it validates it.
func allocate(one *api.Service) {
	single := api.IPFamilyPolicySingleStack
	one.Spec.IPFamilyPolicy, one.Spec.IPFamilies = &single, []api.IPFamily{api.IPv4Protocol}
	if one.Spec.ClusterIP == "" {
		one.Spec.ClusterIP = "10.96.0.10"
	}
	one.Spec.ClusterIPs = []string{one.Spec.ClusterIP}
	if apiservice.NeedsHealthCheck(one) {
		one.Spec.HealthCheckNodePort = 30000
	}
}

func againstStandard(named string, restricted policy.Evaluator, pod *core.PodTemplateSpec) (faults []string) {
	level := podsecurity.LevelVersion{Level: podsecurity.LevelRestricted, Version: podsecurity.LatestVersion()}
	metadata := metav1.ObjectMeta(pod.ObjectMeta)
	for _, result := range restricted.EvaluatePod(level, &metadata, &pod.Spec) {
		if !result.Allowed {
			faults = append(faults, fmt.Sprintf("%s: not restricted: %s: %s", named, result.ForbiddenReason, result.ForbiddenDetail))
		}
	}
	return faults
}
