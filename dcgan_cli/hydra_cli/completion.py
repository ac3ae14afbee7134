"""What TAB offers after `dcgan train`: Hydra's own answers."""


def complete_override(incomplete: str) -> list[str]:
    """Return the overrides that the typed beginning may become, such as "model=dcgan28".

    Completion never fails loudly: a terminal that prints a traceback on TAB helps nobody, and the
    function of Hydra's that it asks is not a public one.
    """
    try:
        import hydra
        from hydra._internal.core_plugins.bash_completion import BashCompletion
        from hydra.core.global_hydra import GlobalHydra

        from dcgan_cli.hydra_cli.compose import VERSION_BASE, conf_dir, own_hydra

        with (
            own_hydra(),
            hydra.initialize_config_dir(str(conf_dir()), version_base=VERSION_BASE),
        ):
            loader = GlobalHydra.instance().config_loader()
            return list(BashCompletion(loader)._query(config_name="train", line=incomplete))
    except Exception:
        return []
