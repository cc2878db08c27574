module otestack.io/kubernetes-tools

go 1.26.0
