/**
 * SHA-256 of upstream's `concourse-<version>-linux-amd64.tgz`, by `<version>-<arch>`.
 *
 * Source: `config/blobs.yml` of concourse-bosh-release at the tag of each version. Its blob is the archive that
 * Concourse's release pipeline then only renames. There is no such list for arm64.
 */
export const KNOWN_DIGESTS: Readonly<Record<string, string>> = {
  "7.14.0-amd64": "96e5962dbcd55d28bb7c3d8cf93f92299ba918cb48dc13cac9da7ee03b747710",
  "7.14.1-amd64": "5228ecd88c491c814db023c72bf9c5c38b9a0b99d2dba90d84eba34e55e2bac9",
  "7.14.2-amd64": "70a31372cfc1f03b9bb83abd357595e63fcc93fb2ce1ef19b46ab46ab8f9c565",
  "7.14.3-amd64": "aeb51fb15012bea28feb1bfa19bb28569f41d944fb7c064d9b49d95846db6fa4",
  "8.0.0-amd64": "e772bc43c62ebf546c46d1f0cd52a69d57a44af9f336e1e3a7c43869ceccb68a",
  "8.0.1-amd64": "52fee46a10f638581e022b32052b9d28e116a04f113f607a5eae20b0e34132b8",
  "8.0.2-amd64": "f4ad1ff8a60af08e52c81cab61d7a612dedd84422245b2d4607d144bf85b7144",
  "8.1.0-amd64": "32ac985baea09cecafd4eb026135376237683d41b69327a2f3f86a732072f606",
  "8.1.1-amd64": "6497d7861d595ca4988d9807b389b573df01dc430992b69b36532d18cfe3a0bf",
  "8.2.0-amd64": "d8c8c2e18e7691eaf7018561a200493db8febcca3296db7b01dba190db11e400",
  "8.2.1-amd64": "f38bdc46ca67c6741d690cc15501541605d406ffcd9dac926eee04867e5da145",
  "8.2.2-amd64": "6807298891dc0ad0843099ea367aef9cbf6e1c268c7675f7ca635911250483d6",
  "8.2.3-amd64": "6e1e911d6cb2bd5f5b04e480b1ad1d2e81ea9d0aab59ee33ba577b26afa5fd40",
  "8.2.4-amd64": "ed2bb4ddf0e750bbf3c420e316236a9b6a9539c7d1d97ecabc0163401314a537",
  "8.2.5-amd64": "8d6f0cc8cbcf49b6a6b4decb8320bbdf5c957a153883d57d01ea0dc664d685ac",
  "8.3.0-amd64": "320b0cde214893378213d1f2f38eb515c55d0d8128185b076fd7ce555bf09e2c",
};
