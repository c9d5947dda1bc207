{{/* The name of every object. A StatefulSet's may have 52 characters: kubernetes/kubernetes#64023. */}}
{{- define "workspace.name" -}}
{{- if gt (len .Release.Name) 52 }}{{ fail "the name of the release has more than 52 characters" }}{{ end -}}
{{- .Release.Name -}}
{{- end }}

{{- define "workspace.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "workspace.labels" -}}
{{ include "workspace.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "workspace.image" -}}
{{- with .Values.image -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end -}}
{{- end }}

{{- define "workspace.host" -}}
{{- .Values.host | required "set host, which the Ingress or the Gateway is reached by" -}}
{{- end }}

{{/* Variables, each once: those of `settings` win. */}}
{{- define "workspace.variables" -}}
{{- $secrets := "/run/secrets/workspace" -}}
{{- $variables := dict
  "DEV8_GRACE_PERIOD" (printf "%ds" (int .Values.gracePeriodSeconds))
  "DEV8_READY_ADDRESS" "0.0.0.0:8078"
  "GITHUB_TOKEN_FILE" (print $secrets "/github_token") -}}
{{- if .Values.certificatesConfigMap }}
{{- $_ := set $variables "DEV8_CA_FILE" "/run/certificates" }}
{{- end }}
{{- if or .Values.ingress.enabled .Values.gateway.enabled }}
{{- $_ := set $variables "DEV8_PUBLIC_URL" (print "https://" (include "workspace.host" .)) }}
{{- end }}
{{- with .Values.backup }}{{- if .bucket }}
{{- $_ := set $variables "AWS_S3_BUCKET" .bucket }}
{{- $_ := set $variables "AWS_REGION" .region }}
{{- $_ := set $variables "AWS_S3_PREFIX" "$(POD_NAMESPACE)" }}
{{- $_ := set $variables "DEV8_BACKUP_PASSWORD_FILE" (print $secrets "/backup_password") }}
{{- if .accessKeyId }}
{{- $_ := set $variables "DEV8_BACKUP_S3_ACCESS_KEY_ID" .accessKeyId }}
{{- $_ := set $variables "DEV8_BACKUP_S3_SECRET_ACCESS_KEY_FILE" (print $secrets "/s3_secret_access_key") }}
{{- end }}
{{- end }}{{- end }}
{{- range $name, $value := .Values.settings }}
{{- $_ := set $variables $name ($value | toString) }}
{{- if kindIs "float64" $value }}{{/* any number of values.yaml: 1234567 would become 1.234567e+06 */}}
{{- $_ := set $variables $name ($value | int64 | toString) }}
{{- end }}
{{- end }}
{{- toYaml $variables }}
{{- end }}
