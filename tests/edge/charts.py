"""Three charts written as public ones are: helpers, checksums, conditionals, tests of their own; all invented here."""

from __future__ import annotations

from tests.apps.charts.packing import Files

HELPERS = """{{- define "fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- define "selectorLabels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}
{{- define "labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{ include "selectorLabels" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}
"""
META = """metadata:
  name: {{ include "fullname" . }}
  labels: {{- include "labels" . | nindent 4 }}
"""
TEMPLATE = """  template:
    metadata:
      labels: {{- include "selectorLabels" . | nindent 8 }}
"""
SELECTOR = """  selector:
    matchLabels: {{- include "selectorLabels" . | nindent 6 }}
"""

WEB: Files = {
    "templates/_helpers.tpl": HELPERS,
    "values.yaml": """replicaCount: 2
image: {repository: nginx, tag: "1", pullPolicy: IfNotPresent}
service: {type: ClusterIP, port: 80}
autoscaling: {enabled: true, minReplicas: 2, maxReplicas: 5, targetCPUUtilizationPercentage: 80}
resources: {requests: {cpu: 0.1, memory: 1024Mi}, limits: {cpu: "1000m", memory: 2048Mi}}
""",
    "templates/deployment.yaml": f"""apiVersion: apps/v1
kind: Deployment
{META}spec:
  {{{{- if not .Values.autoscaling.enabled }}}}
  replicas: {{{{ .Values.replicaCount }}}}
  {{{{- end }}}}
{SELECTOR}{TEMPLATE}    spec:
      securityContext: {{runAsNonRoot: true, runAsUser: 101}}
      containers:
        - name: {{{{ .Chart.Name }}}}
          image: "{{{{ .Values.image.repository }}}}:{{{{ .Values.image.tag }}}}"
          imagePullPolicy: {{{{ .Values.image.pullPolicy }}}}
          ports: [{{name: http, containerPort: 8080, protocol: TCP}}]
          livenessProbe: {{httpGet: {{path: /, port: http}}}}
          readinessProbe: {{httpGet: {{path: /, port: http}}}}
          resources: {{{{- toYaml .Values.resources | nindent 12 }}}}
""",
    "templates/service.yaml": f"""apiVersion: v1
kind: Service
{META}spec:
  type: {{{{ .Values.service.type }}}}
  ports: [{{port: {{{{ .Values.service.port }}}}, targetPort: http, protocol: TCP, name: http}}]
  selector: {{{{- include "selectorLabels" . | nindent 4 }}}}
""",
    "templates/hpa.yaml": f"""{{{{- if .Values.autoscaling.enabled }}}}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
{META}spec:
  scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: {{{{ include "fullname" . }}}}}}
  minReplicas: {{{{ .Values.autoscaling.minReplicas }}}}
  maxReplicas: {{{{ .Values.autoscaling.maxReplicas }}}}
  metrics:
    - type: Resource
      resource:
        name: cpu
        target: {{type: Utilization, averageUtilization: {{{{ .Values.autoscaling.targetCPUUtilizationPercentage }}}}}}
{{{{- end }}}}
""",
    "templates/NOTES.txt": 'Reach it at {{ include "fullname" . }}.\n',
}

STORE: Files = {
    "templates/_helpers.tpl": HELPERS,
    "values.yaml": 'replicas: 2\nimage: "redis:7"\nstorage: 1024Mi\npassword: secret-of-the-store\n',
    "templates/statefulset.yaml": f"""apiVersion: apps/v1
kind: StatefulSet
{META}spec:
  replicas: {{{{ .Values.replicas }}}}
  serviceName: {{{{ include "fullname" . }}}}-headless
  podManagementPolicy: OrderedReady
{SELECTOR}{TEMPLATE}      annotations:
        checksum/secret: {{{{ include (print $.Template.BasePath "/secret.yaml") . | sha256sum }}}}
    spec:
      terminationGracePeriodSeconds: 5
      containers:
        - name: store
          image: {{{{ .Values.image | quote }}}}
          envFrom: [{{secretRef: {{name: {{{{ include "fullname" . }}}}}}}}]
          volumeMounts: [{{name: data, mountPath: /data}}]
  volumeClaimTemplates:
    - metadata: {{name: data}}
      spec:
        accessModes: [ReadWriteOnce]
        resources: {{requests: {{storage: {{{{ .Values.storage }}}}}}}}
""",
    "templates/secret.yaml": f"""apiVersion: v1
kind: Secret
{META}type: Opaque
data:
  PASSWORD: {{{{ .Values.password | b64enc | quote }}}}
""",
    "templates/headless.yaml": """apiVersion: v1
kind: Service
metadata:
  name: {{ include "fullname" . }}-headless
  labels: {{- include "labels" . | nindent 4 }}
spec:
  clusterIP: None
  publishNotReadyAddresses: true
  ports: [{port: 6379, name: store}]
  selector: {{- include "selectorLabels" . | nindent 4 }}
""",
}

AGENT: Files = {
    "templates/_helpers.tpl": HELPERS,
    "values.yaml": 'image: "agent:1"\nconfig: |\n  interval: 10s\n  targets: [a, b]\n',
    "templates/daemonset.yaml": f"""apiVersion: apps/v1
kind: DaemonSet
{META}spec:
{SELECTOR}  updateStrategy: {{type: RollingUpdate, rollingUpdate: {{maxUnavailable: 1}}}}
{TEMPLATE}      annotations:
        checksum/config: {{{{ .Values.config | sha256sum }}}}
    spec:
      tolerations: [{{operator: Exists}}]
      containers:
        - name: agent
          image: {{{{ .Values.image | quote }}}}
          volumeMounts: [{{name: config, mountPath: /etc/agent}}]
      volumes: [{{name: config, configMap: {{name: {{{{ include "fullname" . }}}}}}}}]
""",
    "templates/configmap.yaml": f"""apiVersion: v1
kind: ConfigMap
{META}data:
  agent.yaml: |- {{{{- .Values.config | nindent 4 }}}}
""",
}
